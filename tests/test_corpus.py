"""The bits of every loss are those of the committed corpus, with every instruction set."""

from __future__ import annotations

import json
from typing import Any

import corpus
import pytest
from conftest import using_isa
from oracle import every_loss, every_tile_loss

import fastloss as fl
from fastloss import _core

# without FMA in the machine, products of matrices take their time
TILES = every_tile_loss()
EXPECTED = json.loads(corpus.FILE.read_text())["losses"]


@pytest.mark.parametrize("dtype", corpus.DTYPES)
@pytest.mark.parametrize(
    "loss", [pytest.param(loss, marks=pytest.mark.slow) if loss in TILES else loss for loss in every_loss()], ids=repr
)
def test_bits(loss: Any, dtype: str) -> None:
    for isa in _core.available_isas():
        with using_isa(isa):
            assert corpus.hash_of_loss(loss, dtype) == EXPECTED[repr(loss)][dtype], isa


def test_the_corpus_holds_every_loss() -> None:
    assert EXPECTED.keys() == {repr(loss) for loss in every_loss()}, "python tests/corpus.py writes it"
    assert {type(loss).__name__ for loss in every_loss()} == {type(fl.get_loss(name)).__name__ for name in fl.list_losses()}
