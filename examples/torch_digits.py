"""Train a small network on scikit-learn's digits, with fastloss.torch in place of torch.nn.functional: the same curve.

    pip install 'fastloss[torch]' scikit-learn
    python examples/torch_digits.py [--epochs 20] [--repeat 50]

Both networks start from the same numbers and see the same batches. What differs is the module that the loss comes from. A net
of this size spends its time elsewhere, and so the loss is timed by itself, too, forward and backward, on the scores of all
digits (``--repeat`` times over).
"""

from __future__ import annotations

import argparse
import time
from types import ModuleType

import numpy as np
import torch
import torch.nn.functional as theirs
from sklearn.datasets import load_digits

import fastloss.torch as ours


def train(functional: ModuleType, x: torch.Tensor, y: torch.Tensor, epochs: int) -> tuple[list[float], float, torch.nn.Module]:
    """Return the losses of the epochs, the time they took, and the net."""
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    curve = []
    start = time.perf_counter()
    for _ in range(epochs):
        total = 0.0
        for rows in torch.randperm(len(x)).split(128):
            loss = functional.cross_entropy(net(x[rows]), y[rows], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(rows)
        curve.append(total / len(x))
    return curve, time.perf_counter() - start, net


def fastest(functional: ModuleType, scores: torch.Tensor, y: torch.Tensor) -> float:
    """Return how long the loss takes, forward and backward."""
    times = []
    for _ in range(50):
        scores.grad = None
        start = time.perf_counter()
        functional.cross_entropy(scores, y, label_smoothing=0.05).backward()
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--repeat", type=int, default=50, help="how often the digits are repeated where the loss is timed")
    arguments = parser.parse_args()
    digits = load_digits()
    x, y = torch.from_numpy(digits.data.astype(np.float32) / 16), torch.from_numpy(digits.target)
    for functional in (theirs, ours):
        train(functional, x, y, 1)
    (curve, seconds, net), (other, others, _) = (train(functional, x, y, arguments.epochs) for functional in (ours, theirs))
    print(f"{'epoch':>5}{'fastloss.torch':>16}{'torch':>12}")
    for epoch, (mine, reference) in enumerate(zip(curve, other, strict=True), 1):
        print(f"{epoch:5}{mine:16.6f}{reference:12.6f}")
    print(f"accuracy {(net(x).argmax(1) == y).float().mean():.3f}")
    print(f"training, s {seconds:9.3f}{others:12.3f}")
    scores = net(x).detach().repeat(arguments.repeat, 1).requires_grad_()
    labels = y.repeat(arguments.repeat)
    mine, reference = (1000 * min(fastest(module, scores, labels) for _ in range(3)) for module in (ours, theirs))
    print(f"the loss, ms{mine:9.3f}{reference:12.3f}   of {len(labels)} x 10 scores")


if __name__ == "__main__":
    main()
