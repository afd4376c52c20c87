"""Learn to forge digits: a generative adversarial network of scikit-learn's handwritten digits, in plain NumPy, in seconds.

    pip install fastloss scikit-learn matplotlib
    python examples/gan_digits.py [digits.png] [--kind minimax]

A generator makes pictures of 8 x 8 pixels out of noise; a discriminator scores pictures, and wants real ones to score high and
made ones low. Both take steps in turn, down the gradients of their losses, which come from fastloss; what is left is the chain
rule. The picture shows digits, and what the generator makes before it has learned anything, and afterwards.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_digits

import fastloss as fl


class Network:
    """Two layers, trained by Adam."""

    def __init__(self, rng: np.random.Generator, inputs: int, hidden: int, outputs: int) -> None:
        shapes = (inputs, hidden), (hidden,), (hidden, outputs), (outputs,)
        self.values = [
            rng.standard_normal(shape) / np.sqrt(shape[0]) if len(shape) == 2 else np.zeros(shape) for shape in shapes
        ]
        self.first, self.second = ([np.zeros_like(value) for value in self.values] for _ in range(2))
        self.steps = 0

    def __call__(self, x: np.ndarray) -> np.ndarray:
        w, b, v, c = self.values
        self.x, self.h = x, x @ w + b
        # leaks below zero
        self.h = np.where(self.h > 0, self.h, 0.2 * self.h)
        return self.h @ v + c

    def back(self, gradient: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        """Return the gradients by what came in last, and by the numbers of the network."""
        w, _, v, _ = self.values
        by_h = gradient @ v.T * np.where(self.h > 0, 1.0, 0.2)
        return by_h @ w.T, [self.x.T @ by_h, by_h.sum(axis=0), self.h.T @ gradient, gradient.sum(axis=0)]

    def step(self, gradients: list[np.ndarray], rate: float) -> None:
        self.steps += 1
        for value, own, first, second in zip(self.values, gradients, self.first, self.second, strict=True):
            first += 0.5 * (own - first)
            second += 0.01 * (own**2 - second)
            value -= rate * first / (1 - 0.5**self.steps) / (np.sqrt(second / (1 - 0.99**self.steps)) + 1e-8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("picture", type=Path, nargs="?", help="where to draw (default: into a temporary folder)")
    parser.add_argument("--steps", type=int, default=6000, help="of both players (default: 6000)")
    parser.add_argument("--kind", choices=("minimax", "hinge", "least_squares"), default="minimax", help="of loss (minimax)")
    options = parser.parse_args()
    path = options.picture or Path(tempfile.mkdtemp()) / "digits.png"

    x = load_digits().data / 8 - 1
    rng = np.random.default_rng(0)
    generator, discriminator = Network(rng, 16, 128, 64), Network(rng, 64, 128, 1)
    critic_loss = fl.GANDiscriminator(options.kind)
    loss = fl.GANGenerator("non_saturating" if options.kind == "minimax" else options.kind)

    codes = rng.standard_normal((16, 16))
    before = np.tanh(generator(codes))
    print(f"{'step':>5} {'discriminator':>14} {'generator':>10}")
    for step in range(options.steps + 1):
        real = x[rng.integers(0, len(x), 64)] + 0.1 * rng.standard_normal((64, 64))
        made = np.tanh(generator(rng.standard_normal((64, 16))))
        # the discriminator: one pass over real and made pictures together
        scores = discriminator(np.vstack([real, made + 0.1 * rng.standard_normal(made.shape)]))
        value, by_scores = critic_loss.value_and_gradient(*np.split(scores, 2))
        discriminator.step(discriminator.back(np.vstack(by_scores))[1], 0.001)
        # the generator, through the discriminator as it is now
        cost, by_scores = loss.value_and_gradient(discriminator(made))
        by_made, _ = discriminator.back(by_scores)
        generator.step(generator.back(by_made * (1 - made**2))[1], 0.001)
        if step % max(1, options.steps // 5) == 0:
            print(f"{step:5} {value:14.4f} {cost:10.4f}")

    rows = {"digits": x[:16], "forged, before": before, "forged, afterwards": np.tanh(generator(codes))}
    figure = Figure(figsize=(8, 3.3), layout="constrained")
    for axes, (title, row) in zip(figure.subplots(3, 1), rows.items(), strict=True):
        padded = np.pad(row.reshape(-1, 8, 8), ((0, 0), (1, 1), (1, 1)), constant_values=-1)
        axes.imshow(np.hstack(padded), cmap="gray", vmin=-1, vmax=1)
        axes.set(title=title, xticks=[], yticks=[])
    figure.savefig(path)
    print(f"drawn in {path}")


if __name__ == "__main__":
    main()
