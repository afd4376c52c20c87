"""Find the red petals of a flower in a grey picture: logistic regression on pixels, trained with cross-entropy and with Dice.

Cross-entropy counts pixels, of which few are petals; the Dice loss measures the overlap of the masks, which is what is wanted.
The left half of scikit-learn's picture of a flower is learned from, the right half is judged by.

pip install fastloss scikit-learn pillow
python examples/segment_picture.py
"""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_sample_image

import fastloss as fl
from fastloss import metrics


def blurred(picture: np.ndarray, radius: int) -> np.ndarray:
    """The means over squares around each pixel, by running sums."""
    for axis in (0, 1):
        padding = [(radius + 1, radius) if a == axis else (0, 0) for a in (0, 1)]
        sums = np.cumsum(np.pad(picture, padding, mode="edge"), axis=axis)
        last, first = np.split(sums, [2 * radius + 1], axis=axis)[1], np.split(sums, [-2 * radius - 1], axis=axis)[0]
        picture = (last - first) / (2 * radius + 1)
    return picture


def features(grey: np.ndarray) -> np.ndarray:
    """Brightness and contrast around each pixel, in squares of several sizes; their squares; 1."""
    radii = (1, 3, 8, 20)
    means = [grey] + [blurred(grey, radius) for radius in radii]
    contrasts = [np.sqrt(np.maximum(0, blurred(grey**2, radius) - blurred(grey, radius) ** 2)) for radius in radii]
    columns = np.stack([*means, *contrasts], axis=-1)
    columns = (columns - columns.mean(axis=(0, 1))) / columns.std(axis=(0, 1))
    return np.concatenate([columns, columns**2, np.ones((*grey.shape, 1))], axis=-1)


def train(loss: fl.Loss, x: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Gradient descent with momentum."""
    weights = np.zeros(x.shape[-1])
    velocity = np.zeros_like(weights)
    for _ in range(300):
        slope = loss.gradient(mask, (x @ weights).reshape(mask.shape)).reshape(x.shape[:-1])
        step = np.einsum("ij,ijk->k", slope, x)
        velocity = 0.9 * velocity - 0.3 * step / max(1.0, np.linalg.norm(step))
        weights += velocity
    return weights


def main() -> None:
    picture = load_sample_image("flower.jpg") / 255
    red, green, _ = np.moveaxis(picture, -1, 0)
    mask = (red - green > 0.25).astype(float)
    x = features(picture.mean(axis=-1))
    half = picture.shape[1] // 2
    print(f"{mask.size} pixels, {mask.mean():.1%} of them petals")
    print(f"{'trained with':22}{'Dice score':>12}{'Jaccard':>9}{'accuracy':>10}")
    truth = mask[:, half:].ravel()
    for loss in (fl.BinaryCrossEntropy(from_logits=True), fl.Dice(from_logits=True)):
        # one mask, not one for each row
        images = mask[None, :, :half] if loss.name == "dice" else mask[:, :half]
        weights = train(loss, x[:, :half], images)
        guess = (x[:, half:] @ weights > 0).ravel().astype(float)
        scores = metrics.f1_score(truth, guess), metrics.jaccard_score(truth, guess), metrics.accuracy_score(truth, guess)
        print(f"{loss.name:22}{scores[0]:12.3f}{scores[1]:9.3f}{scores[2]:10.3f}")


if __name__ == "__main__":
    main()
