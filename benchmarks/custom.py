"""A Huber loss of one's own against the built-in one: python benchmarks/custom.py [--n 10000000].

Ways take turns; printed are the fastest times, and for XGBoost the median of the ratios in the same turn.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np

import fastloss as fl
from fastloss.boosting import Objective


@fl.custom_loss
def own_huber(y_true, y_pred, delta=1.0):
    r = y_pred - y_true
    a = abs(r)
    q = min(a, delta)
    return q * (a - 0.5 * q), max(-delta, min(r, delta)), 1.0 if a <= delta else 0.0


EXPRESSION = fl.custom_loss(
    "where(abs(r) <= delta, r**2 / 2, delta * (abs(r) - delta / 2))", name="Expression", parameters={"delta": 1.0}
)


def take_turns(ways: list[Callable[[], object]], turns: int) -> list[list[float]]:
    times: list[list[float]] = [[] for _ in ways]
    for way in ways:
        way()
    for turn in range(turns):
        for i in range(len(ways)) if turn % 2 else reversed(range(len(ways))):
            start = time.perf_counter()
            ways[i]()
            times[i].append(time.perf_counter() - start)
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--n", type=int, default=10**7)
    parser.add_argument("--turns", type=int, default=15)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    fl.set_num_threads(arguments.threads)
    losses = [fl.Huber(), own_huber(), EXPRESSION()]
    print(f"n = {arguments.n}, {arguments.threads} threads; milliseconds: built-in, function, expression")
    for dtype in (np.float32, np.float64):
        y, p = np.random.default_rng(0).standard_normal((2, arguments.n)).astype(dtype)
        out, second = np.empty_like(p), np.empty_like(p)
        for what, way in {
            "value": lambda loss: lambda: loss(y, p),  # noqa: B023
            "value + gradient": lambda loss: lambda: loss.value_and_gradient(y, p, out=out),  # noqa: B023
            "gradient + Hessian": lambda loss: lambda: loss.gradient_and_hessian(y, p, reduction="none", out=(out, second)),  # noqa: B023
        }.items():
            best = [1e3 * min(times) for times in take_turns([way(loss) for loss in losses], arguments.turns)]
            cells = "".join(f"{milliseconds:8.2f}" for milliseconds in best)
            print(
                f"{dtype.__name__:8} {what:20}{cells}   : built-in {best[1] / best[0]:5.2f}{best[2] / best[0]:6.2f}", flush=True
            )
    try:
        import xgboost as xgb
    except ImportError:
        return
    x = np.random.default_rng(1).standard_normal((500_000, 20)).astype(np.float32)
    target = x[:, 0] + x[:, 1] * x[:, 2]
    data = xgb.DMatrix(x, target, nthread=arguments.threads)
    parameters = {"nthread": arguments.threads, "base_score": 0.0}
    ways = [
        lambda: xgb.train({**parameters, "objective": "reg:pseudohubererror"}, data, 20),
        lambda: xgb.train(parameters, data, 20, obj=Objective(fl.Huber())),
        lambda: xgb.train(parameters, data, 20, obj=Objective(own_huber())),
    ]
    theirs, built_in, own = take_turns(ways, max(3, arguments.turns // 3))
    print(
        f"XGBoost, 500 000 x 20, 20 rounds, seconds: its pseudo-Huber {min(theirs):.3f}, fl.Huber {min(built_in):.3f}", end=""
    )
    ratio = statistics.median(a / b for a, b in zip(own, built_in, strict=True))
    print(f", one's own {min(own):.3f}; one's own to fl.Huber {ratio:.3f}")


if __name__ == "__main__":
    main()
