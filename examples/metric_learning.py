"""Learn which handwritten digits are alike: a linear map into a small space, by plain gradient descent on cosines.

    pip install fastloss scikit-learn
    python examples/metric_learning.py [--steps 300]

Pairs of scikit-learn's digits, of 8 x 8 pixels, are to point in one direction after the map if they show the same digit, and in
different ones if they do not. The measure of success is how often the nearest neighbour, by the angle, shows the right digit:
for digits that were not learned from, in as few dimensions as the map has, before and after. Before, the map is that of the
principal components, the best one that knows nothing of the labels.
"""

from __future__ import annotations

import argparse

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import fastloss as fl


def unit(x: np.ndarray) -> np.ndarray:
    """Vectors of length 1."""
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-30)


def accuracy(weights: np.ndarray, known: tuple[np.ndarray, np.ndarray], asked: tuple[np.ndarray, np.ndarray]) -> float:
    """How often the nearest neighbour among the known digits is one of the right class."""
    (x, labels), (queries, answers) = known, asked
    cosines = unit(queries @ weights) @ unit(x @ weights).T
    return float(np.mean(labels[cosines.argmax(axis=1)] == answers))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=300, help="of gradient descent (default: 300)")
    parser.add_argument("--dimensions", type=int, default=4, help="of the space (default: 4)")
    options = parser.parse_args()

    x, labels = load_digits(return_X_y=True)
    x, queries, labels, answers = train_test_split(
        x.astype(np.float32) / 16, labels, test_size=0.4, random_state=0, stratify=labels
    )
    mean = x.mean(axis=0)
    x, queries = x - mean, queries - mean
    _, _, directions = np.linalg.svd(x, full_matrices=False)
    weights = directions[: options.dimensions].T.copy()
    loss = fl.CosineEmbedding(margin=0.3)

    by_class, counts = np.argsort(labels, kind="stable"), np.bincount(labels)
    begins = np.cumsum(counts) - counts
    rng = np.random.default_rng(0)
    velocity = np.zeros_like(weights)
    print(f"{'step':>5} {'loss':>8} {'accuracy':>9}")
    for step in range(options.steps + 1):
        first, second = rng.integers(0, len(x), (2, 2048))
        # every other pair is made one of the same digit
        wanted = labels[first[::2]]
        second[::2] = by_class[begins[wanted] + rng.integers(0, counts[wanted])]
        target = np.where(labels[first] == labels[second], 1, -1)
        value, (by_first, by_second) = loss.value_and_gradient(x[first] @ weights, x[second] @ weights, target)
        if step % max(1, options.steps // 3) == 0:
            print(f"{step:5} {value:8.4f} {accuracy(weights, (x, labels), (queries, answers)):9.4f}")
        # the chain rule: the map is linear
        gradient = x[first].T @ by_first + x[second].T @ by_second
        velocity = 0.9 * velocity - 0.5 * gradient
        weights += velocity


if __name__ == "__main__":
    main()
