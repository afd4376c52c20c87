"""What the tests of the four libraries train on."""

from __future__ import annotations

import io
import pickle
from typing import Any

import numpy as np

import fastloss as fl

N = 1500
_generator = np.random.default_rng(0)
X = _generator.normal(size=(N, 5))
_signal = X[:, 0] + X[:, 1] * X[:, 2] + 0.3 * _generator.normal(size=N)
BINARY = (_signal > 0).astype(np.float64)
REAL = 2 * _signal
COUNTS = np.round(np.exp(_signal / 2))
POSITIVE = np.exp(_signal / 2)
CLASSES = np.digitize(_signal, [-0.7, 0.7]).astype(np.float64)
WEIGHTS = _generator.uniform(0.2, 3.0, N)
WEIGHTED = {"unweighted": None, "weighted": WEIGHTS}

LOGISTIC = fl.BinaryCrossEntropy(from_logits=True)
SOFTMAX = fl.CategoricalCrossEntropy(from_logits=True)

#: Losses that must train everywhere, and their labels.
TRAINED = [
    (fl.BinaryFocal(gamma=0.5, from_logits=True), BINARY),
    (fl.BinaryFocal(gamma=2.0, from_logits=True), BINARY),
    (fl.BinaryFocal(gamma=5.0, from_logits=True), BINARY),
    (fl.Brier(from_logits=True), BINARY),
    (fl.Hinge(), BINARY),
    (fl.SquaredHinge(), BINARY),
    (fl.ModifiedHuber(), BINARY),
    (fl.AbsoluteError(), REAL),
    (fl.Quantile(alpha=0.8), REAL),
    (fl.LogCosh(), REAL),
    (fl.Tukey(), REAL),
    (fl.Cauchy(), REAL),
    (fl.Welsch(c=3.0), REAL),
    (fl.Huber(), REAL),
    (fl.PseudoHuber(), REAL),
    (fl.LpError(p=1.5), REAL),
    (fl.Expectile(alpha=0.8), REAL),
    (fl.Poisson(), COUNTS),
    (fl.Gamma(), POSITIVE),
    (fl.Tweedie(power=1.5), POSITIVE),
    (fl.AbsolutePercentageError(), POSITIVE),
]
TRAINED_IDS = [repr(loss) for loss, _ in TRAINED]

#: Losses of three classes.
TRAINED_CLASSES = [
    fl.CategoricalFocal(gamma=2.0, from_logits=True),
    fl.PolyCrossEntropy(),
    fl.GeneralizedCrossEntropy(from_logits=True),
    fl.CategoricalHinge(),
    fl.MultiMargin(),
]


def imbalanced() -> tuple[np.ndarray, np.ndarray]:
    """One row in a thousand is positive."""
    generator = np.random.default_rng(1)
    x = generator.normal(size=(4000, 4))
    y = np.zeros(4000)
    y[np.argsort(x[:, 0] + 0.5 * generator.normal(size=4000))[-4:]] = 1
    return x, y


def assert_learned(loss: fl.Loss, labels: np.ndarray, start: object, scores: np.ndarray, share: float = 0.97) -> None:
    """The loss of the scores is lower than where training started, and all are finite."""
    assert np.isfinite(scores).all()
    before = loss(labels, np.broadcast_to(np.asarray(start, dtype=np.float64), scores.shape))
    after = loss(labels, scores)
    if before > 0:
        assert after < share * before
    else:
        assert after < before - 0.02


def copies_of(model: Any) -> tuple[Any, Any]:
    """The model after a pickle, and after joblib, which estimators are kept with."""
    import joblib

    memory = io.BytesIO()
    joblib.dump(model, memory)
    memory.seek(0)
    return pickle.loads(pickle.dumps(model)), joblib.load(memory)
