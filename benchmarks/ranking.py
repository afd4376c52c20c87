"""LambdaRank in LightGBM and XGBoost against their own: python benchmarks/ranking.py [--groups 1000 --items 50].

Ways take turns. Printed are the fastest times, the median of the ratios in the same turn, and NDCG@10 of the training data.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import lightgbm as lgb
import numpy as np
import xgboost as xgb

import fastloss as fl
from fastloss.boosting import Objective

NDCG = fl.LambdaRank(k=10)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    for option, default in (("--groups", 1000), ("--items", 50), ("--rounds", 100), ("--turns", 5), ("--threads", 2)):
        parser.add_argument(option, type=int, default=default)
    options = parser.parse_args()
    fl.set_num_threads(options.threads)
    rng = np.random.default_rng(0)
    n, group = options.groups * options.items, np.full(options.groups, options.items)
    x = rng.standard_normal((n, 20)).astype(np.float32)
    y = np.digitize(x[:, 0] + x[:, 1] * x[:, 2] + rng.standard_normal(n), [0.5, 1.5, 2.5, 3.5]).astype(float)
    objective = Objective(fl.LambdaRank(k=30))
    common = {"num_threads": options.threads, "verbose": -1, "lambdarank_truncation_level": 30, "learning_rate": 0.1}
    data = xgb.DMatrix(x, y, qid=np.repeat(np.arange(options.groups), options.items), nthread=options.threads)
    of_xgboost = {"nthread": options.threads, "eta": 0.1, "tree_method": "hist", "base_score": 0.5}

    def in_lightgbm(objective: object) -> Callable[[], Callable[[np.ndarray], np.ndarray]]:
        train = lgb.Dataset(x, y, group=group, params={"verbose": -1}, free_raw_data=False).construct()
        return lambda: lgb.train({**common, "objective": objective}, train, options.rounds).predict

    def in_xgboost(built_in: str, obj: object = None) -> Callable[[], Callable[[np.ndarray], np.ndarray]]:
        def train() -> Callable[[np.ndarray], np.ndarray]:
            model = xgb.train({**of_xgboost, "objective": built_in}, data, options.rounds, obj=obj)
            return lambda _: model.predict(data)

        return train

    ways = {
        "LightGBM": (in_lightgbm("lambdarank"), in_lightgbm(objective)),
        "XGBoost": (in_xgboost("rank:ndcg"), in_xgboost("rank:ndcg", objective)),
    }
    print(f"{options.groups} groups of {options.items}, {options.rounds} rounds, {options.threads} threads")
    for library, pair in ways.items():
        times: list[list[float]] = [[], []]
        for _ in range(options.turns):
            for found, train in zip(times, pair, strict=True):
                start = time.perf_counter()
                train()
                found.append(time.perf_counter() - start)
        ratio = statistics.median(mine / theirs for theirs, mine in zip(*times, strict=True))
        theirs, mine = (1 - NDCG(y, train()(x), group) for train in pair)
        seconds = f"built-in {min(times[0]):.2f} s, fastloss {min(times[1]):.2f} s, ratio {ratio:.2f}"
        print(f"{library:9} {seconds}; NDCG@10 {theirs:.4f} and {mine:.4f}", flush=True)


if __name__ == "__main__":
    main()
