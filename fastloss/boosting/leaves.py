"""Best constants for the leaves of trees that were grown with a stand-in for the Hessian."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np

from ..loss import Loss
from .datasets import is_dataset, library


def refit_leaves(
    model: Any,
    x: Any,
    y: Any,
    loss: Loss,
    *,
    sample_weight: Any = None,
    init_score: Any = 0.0,
    learning_rate: float | None = None,
) -> Any:
    """Give the leaves of a trained model the constants that minimise the loss: medians, quantiles.

    The trees keep their splits. One after the other, each leaf gets the learning rate times the best constant of the
    residuals of its rows, given the trees before it. This is what LightGBM, XGBoost and scikit-learn do after each tree for
    their own absolute errors and quantiles, and what a custom objective cannot ask them for. (scikit-learn does it for
    ``Objective.to_sklearn()``.)

    Parameters
    ----------
    model : xgboost.Booster, lightgbm.Booster, or an estimator of either library
        The model, of one score per row (XGBoost: one per label). It is changed.
    x : array_like, or xgboost.DMatrix for XGBoost
        The data to refit with, usually those of training. A DMatrix may have a ``base_margin``.
    y : array_like of shape (n,) or, for XGBoost, (n, k)
        Labels.
    loss : Loss
        A loss of the residual alone: `AbsoluteError`, `Quantile`, `Huber` and their like.
    sample_weight : array_like of shape (n,), default=None
        Weights.
    init_score : float or array_like of shape (n,), default=0.0
        LightGBM: what the data set had as ``init_score``, which the model does not contain.
    learning_rate : float, default=None
        None: that of the model.

    Returns
    -------
    The model.

    Raises
    ------
    TypeError
        The model is of no known kind, or the loss is not one of residuals.

    Examples
    --------
    >>> import fastloss as fl
    >>> from fastloss.boosting import refit_leaves
    >>> refit_leaves(None, [], [], fl.poisson)
    Traceback (most recent call last):
    TypeError: leaves can be refitted for losses of residuals, as AbsoluteError; got Poisson(from_log=True, full=False).
    """
    if not (isinstance(loss, Loss) and loss.of_residual):
        raise TypeError(f"leaves can be refitted for losses of residuals, as AbsoluteError; got {loss!r}.")
    if learning_rate is not None and not (learning_rate > 0 and np.isfinite(learning_rate)):
        raise ValueError(f"learning_rate must be > 0, or None for the model's own; got {learning_rate!r}.")
    y = np.asarray(y, dtype=np.float64)
    weights = None if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
    booster: Any = model
    if hasattr(model, "get_booster"):
        booster = model.get_booster()
    elif hasattr(model, "booster_"):
        booster = model.booster_
    if hasattr(booster, "save_raw"):
        _refit_xgboost(booster, x, y, loss, weights, learning_rate)
    elif hasattr(booster, "set_leaf_output"):
        _refit_lightgbm(booster, x, y, loss, weights, np.asarray(init_score, dtype=np.float64), learning_rate)
    else:
        raise TypeError(f"model must be an XGBoost or LightGBM model that is trained; got {type(model).__name__}.")
    return model


def _best_constants(
    residuals: np.ndarray,
    leaves: np.ndarray,
    loss: Loss,
    weights: np.ndarray | None,
    rate: float,
    store: Callable[[int, float], None],
) -> np.ndarray:
    """Find the constant of each leaf, pass it on, and return it for each row."""
    order = np.argsort(leaves, kind="stable")
    names, starts = np.unique(leaves[order], return_index=True)
    steps = np.empty_like(residuals)
    for leaf, rows in zip(names.tolist(), np.split(order, starts[1:]), strict=True):
        share = None if weights is None else weights[rows]
        # what counts for nothing has no say
        step = 0.0 if share is not None and not share.any() else rate * float(loss.init_score(residuals[rows], share))
        steps[rows] = step
        store(leaf, step)
    return steps


def _refit_lightgbm(
    booster: Any, x: Any, y: np.ndarray, loss: Loss, weights: Any, start: np.ndarray, learning_rate: float | None
) -> None:
    if booster.num_model_per_iteration() != 1:
        raise ValueError(f"the model must have one score per row; got {booster.num_model_per_iteration()}.")
    if is_dataset(x):
        raise TypeError("LightGBM predicts from arrays: pass the data that the Dataset was made of.")
    leaves = np.asarray(booster.predict(x, pred_leaf=True, num_iteration=-1)).reshape(len(y), -1).astype(np.intp)
    scores = np.broadcast_to(start, y.shape).astype(np.float64)
    for tree, info in enumerate(booster.dump_model(num_iteration=-1)["tree_info"]):
        rate = info["shrinkage"] if learning_rate is None else learning_rate

        def store(leaf: int, value: float, tree: int = tree) -> None:
            booster.set_leaf_output(tree, leaf, value)

        scores += _best_constants(y - scores, leaves[:, tree], loss, weights, rate, store)


def _refit_xgboost(booster: Any, x: Any, y: np.ndarray, loss: Loss, weights: Any, learning_rate: float | None) -> None:
    model = json.loads(bytes(booster.save_raw("json")))
    gradient_booster = model["learner"]["gradient_booster"]
    if gradient_booster["name"] != "gbtree" or int(gradient_booster["model"]["gbtree_model_param"]["num_parallel_tree"]) > 1:
        raise ValueError("the model must be a gbtree of one tree per round and score.")
    trees, targets = gradient_booster["model"]["trees"], gradient_booster["model"]["tree_info"]
    if any(int(tree["tree_param"]["size_leaf_vector"]) > 1 for tree in trees):
        raise ValueError('the model must have one score per tree: multi_strategy="one_output_per_tree".')
    if learning_rate is None:
        learning_rate = _xgboost_learning_rate(booster)
    data = x if is_dataset(x) else library("xgboost", "refit_leaves").DMatrix(x)
    rounds = (0, booster.num_boosted_rounds())
    leaves = booster.predict(data, pred_leaf=True, iteration_range=rounds).reshape(len(y), -1).astype(np.intp)
    labels = y.reshape(len(y), -1)
    margins = booster.predict(data, output_margin=True, iteration_range=rounds).reshape(labels.shape).astype(np.float64)
    values = [np.array(tree["split_conditions"]) for tree in trees]
    # what is not of the trees: base_score or base_margin
    for tree, target in enumerate(targets):
        margins[:, target] -= values[tree][leaves[:, tree]]
    for tree, target in enumerate(targets):
        record = trees[tree]

        def store(leaf: int, value: float, record: Any = record) -> None:
            record["split_conditions"][leaf] = record["base_weights"][leaf] = value

        residuals = labels[:, target] - margins[:, target]
        margins[:, target] += _best_constants(residuals, leaves[:, tree], loss, weights, learning_rate, store)
    booster.load_model(bytearray(json.dumps(model).encode()))


def _xgboost_learning_rate(booster: Any) -> float:
    """Find the learning rate among the parameters of a model."""

    def search(node: Any) -> Any:
        if isinstance(node, dict):
            for key in ("eta", "learning_rate"):
                if key in node:
                    return node[key]
            return next((found for found in map(search, node.values()) if found is not None), None)
        return None

    found = search(json.loads(booster.save_config()))
    if found is None:
        raise ValueError("the model does not tell its learning rate: pass learning_rate.")
    return float(found)
