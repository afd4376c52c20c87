"""``fastloss completion``: what a shell proposes when the tabulator is pressed. shtab writes it, from the parser."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from .. import metrics
from .._readers import DataError
from ..registry import list_losses

SHELLS = ("bash", "zsh", "fish")

_LOSSES, _METRICS = "_fastloss_losses", "_fastloss_metrics"


def add_parser(commands: argparse._SubParsersAction[Any], parser: argparse.ArgumentParser) -> None:
    """Add the command that completes those of a parser."""
    completion = commands.add_parser(
        "completion",
        help="what completes these commands in a shell",
        description="Print what completes fastloss's commands, options, losses and metrics in a shell.",
        epilog="For bash: fastloss completion bash > ~/.local/share/bash-completion/completions/fastloss. For zsh: fastloss "
        "completion zsh > _fastloss, in a folder of $fpath. For fish: fastloss completion fish > "
        "~/.config/fish/completions/fastloss.fish.",
        allow_abbrev=False,
    )
    completion.add_argument("shell", choices=SHELLS)
    completion.set_defaults(command=lambda options: _completion(parser, options.shell))


def _completion(parser: argparse.ArgumentParser, shell: str) -> str:
    try:
        import shtab
    except ImportError as error:
        raise DataError("fastloss completion needs shtab: pip install 'fastloss[cli]'") from error
    names = {_LOSSES: list_losses(), _METRICS: metrics.__all__}
    for action in _actions(parser):
        metavar = action.metavar if isinstance(action.metavar, str) else ""
        if "FILE" in metavar:
            action.complete = shtab.FILE  # type: ignore[attr-defined]
        elif metavar.startswith("NAME") and "=COLUMN" not in metavar:
            kind = _METRICS if "--metric" in action.option_strings else _LOSSES
            action.complete = dict.fromkeys(SHELLS, kind) | {"fish": f"({kind})"}  # type: ignore[attr-defined]
    function = {
        "bash": '{name}() {{ compgen -W "{words}" -- "$1"; }}\n',
        "zsh": "{name}() {{ compadd -- {words}; }}\n",
        "fish": "function {name}; string split ' ' '{words}'; end\n",
    }[shell]
    preamble = "".join(function.format(name=name, words=" ".join(words)) for name, words in names.items())
    return shtab.complete(parser, shell, preamble=preamble) + "\n"


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for part in action.choices.values():
                yield from _actions(part)
