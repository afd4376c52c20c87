"""Learn to draw digits: a variational autoencoder of scikit-learn's handwritten digits, trained in plain NumPy in seconds.

    pip install fastloss scikit-learn matplotlib
    python examples/vae_digits.py [digits.png]

Pictures of 8 x 8 pixels go through two layers into a Gaussian in a few dimensions, and a code drawn from it through two more
back to pixels. Loss and gradients come from fastloss; what is left is the chain rule. The picture shows digits, what is made of
them, and what is drawn from codes that belong to no digit at all.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_digits

import fastloss as fl


class Layer:
    """A linear map that is trained by Adam."""

    def __init__(self, rng: np.random.Generator, inputs: int, outputs: int) -> None:
        self.values = [rng.standard_normal((inputs, outputs)) / np.sqrt(inputs), np.zeros(outputs)]
        self.first = [np.zeros_like(value) for value in self.values]
        self.second = [np.zeros_like(value) for value in self.values]
        self.steps = 0

    def __call__(self, x: np.ndarray) -> np.ndarray:
        self.x = x
        return x @ self.values[0] + self.values[1]

    def back(self, gradient: np.ndarray, rate: float) -> np.ndarray:
        """Take a step down, and return the gradient by what came in."""
        before = gradient @ self.values[0].T
        self.steps += 1
        for k, own in enumerate((self.x.T @ gradient, gradient.sum(axis=0))):
            self.first[k] += 0.1 * (own - self.first[k])
            self.second[k] += 0.01 * (own**2 - self.second[k])
            size = np.sqrt(self.second[k] / (1 - 0.99**self.steps)) + 1e-8
            self.values[k] -= rate * self.first[k] / (1 - 0.9**self.steps) / size
        return before


def picture_of(rows: list[np.ndarray], titles: list[str], path: Path) -> None:
    """Draw rows of digits, one below the other."""
    figure = Figure(figsize=(8, 1.1 * len(rows)), layout="constrained")
    for axes, row, title in zip(figure.subplots(len(rows), 1), rows, titles, strict=True):
        axes.imshow(np.hstack(np.pad(row.reshape(-1, 8, 8), ((0, 0), (1, 1), (1, 1)))), cmap="gray", vmin=0, vmax=1)
        axes.set(title=title, xticks=[], yticks=[])
    figure.savefig(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("picture", type=Path, nargs="?", help="where to draw (default: into a temporary folder)")
    parser.add_argument("--epochs", type=int, default=150, help="(default: 150)")
    parser.add_argument("--dimensions", type=int, default=8, help="of the codes (default: 8)")
    options = parser.parse_args()
    path = options.picture or Path(tempfile.mkdtemp()) / "digits.png"

    x = load_digits().data / 16
    rng = np.random.default_rng(0)
    hidden = Layer(rng, 64, 128)
    mean_of, log_var_of = (Layer(rng, 128, options.dimensions) for _ in range(2))
    opened, pixels = Layer(rng, options.dimensions, 128), Layer(rng, 128, 64)
    # grey is the probability of white
    loss = fl.VAE(beta=1.0, reconstruction=fl.BinaryCrossEntropy(from_logits=True))

    def encode(batch: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        h = np.tanh(hidden(batch))
        return h, mean_of(h), log_var_of(h)

    def decode(code: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        h = np.tanh(opened(code))
        return h, pixels(h)

    print(f"{'epoch':>5} {'loss':>8} {'pixels':>8} {'code':>8}")
    for epoch in range(options.epochs + 1):
        if epoch % max(1, options.epochs // 5) == 0:
            _, mean, log_var = encode(x)
            _, logits = decode(mean)
            own, divergence = loss.parts(x, logits, mean, log_var)
            print(f"{epoch:5} {loss(x, logits, mean, log_var):8.3f} {own:8.3f} {divergence:8.3f}")
        for batch in np.array_split(x[rng.permutation(len(x))], 14):
            h, mean, log_var = encode(batch)
            # a code is drawn as a function of its distribution, through which the gradient goes on
            noise, spread = rng.standard_normal(mean.shape), np.exp(log_var / 2)
            h_code, logits = decode(mean + spread * noise)
            by_logits, by_mean, by_log_var = loss.gradient(batch, logits, mean, log_var)
            by_code = opened.back(pixels.back(by_logits, 0.005) * (1 - h_code**2), 0.005)
            by_hidden = mean_of.back(by_mean + by_code, 0.005)
            by_hidden += log_var_of.back(by_log_var + by_code * noise * spread / 2, 0.005)
            hidden.back(by_hidden * (1 - h**2), 0.005)

    shown = x[:16]
    _, mean, _ = encode(shown)
    drawn = rng.standard_normal((16, options.dimensions))
    made = [1 / (1 + np.exp(-decode(code)[1])) for code in (mean, drawn)]
    picture_of([shown, *made], ["digits", "out of their codes", "out of codes drawn at random"], path)
    print(f"drawn in {path}")


if __name__ == "__main__":
    main()
