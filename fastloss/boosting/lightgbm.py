"""LightGBM's estimators for an `Objective`: they start where it says, and predict probabilities and means.

LightGBM itself adds neither the starting score nor the link of an objective that is not its own: its classifier returns raw
scores for probabilities, and for classes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .datasets import library
from .objective import Objective

lightgbm: Any = library("lightgbm", "fastloss.boosting.lightgbm")


class _Started:
    """What both estimators do: fit from the objective's starting score, and add it to what the trees predict."""

    #: The raw score that training started from: a number, or one for each class; 0 where ``init_score`` was given to `fit`.
    start_: Any
    objective: Any

    def _checked(self) -> Objective:
        objective = self.objective
        if not isinstance(objective, Objective):
            raise TypeError(f"objective must be an Objective of fastloss.boosting; got {objective!r}.")
        return objective

    def _labels(self, y: Any, objective: Objective) -> np.ndarray:
        """Make the labels that the objective gets."""
        return np.asarray(y)

    def _weights(self, y: Any, sample_weight: Any) -> Any:
        """Make the weights that the objective gets."""
        return sample_weight

    def fit(self, X: Any, y: Any, sample_weight: Any = None, init_score: Any = None, **options: Any) -> Any:
        """Fit, from the objective's starting score unless there is an ``init_score``; all else is LightGBM's.

        Parameters
        ----------
        X, y, sample_weight, init_score, **options
            As for LightGBM's estimator. With an ``init_score``, predictions contain none, as LightGBM's.

        Returns
        -------
        The estimator itself.
        """
        objective = self._checked()
        labels = self._labels(y, objective)
        self.start_ = 0.0
        if init_score is None:
            self.start_ = objective.init_score(labels, self._weights(y, sample_weight))
            init_score = self._starts(labels)
            if options.get("eval_init_score") is None:
                others = options.get("eval_set")
                others = [others] if isinstance(others, tuple) else others
                targets = [pair[1] for pair in others] if others is not None else options.get("eval_y")
                if targets is not None:
                    targets = targets if isinstance(targets, tuple | list) else [targets]
                    options["eval_init_score"] = [self._starts(target) for target in targets]
        # LightGBM's estimator comes after this class
        after: Any = super()
        return after.fit(X, y, sample_weight=sample_weight, init_score=init_score, **options)

    def _starts(self, labels: Any) -> np.ndarray:
        n = len(labels)
        return np.tile(self.start_, (n, 1)) if np.ndim(self.start_) else np.full(n, self.start_)

    def _scores(self, X: Any, options: dict[str, Any]) -> Any:
        return lightgbm.LGBMModel.predict(self, X, raw_score=True, **options) + self.start_


class LGBMRegressor(_Started, lightgbm.LGBMRegressor):
    """LightGBM's regressor for an `Objective`: ``predict`` gives what the loss predicts, means for example, not raw scores.

    Parameters
    ----------
    objective : Objective
        The objective. All other parameters are those of ``lightgbm.LGBMRegressor``.

    Attributes
    ----------
    start_ : float
        The raw score that training started from, which predictions contain.

    See Also
    --------
    LGBMClassifier : the same for classes.

    Examples
    --------
    >>> import numpy as np
    >>> import fastloss as fl
    >>> from fastloss.boosting import Objective
    >>> from fastloss.boosting.lightgbm import LGBMRegressor
    >>> x, counts = np.repeat([[0.0], [1.0]], 50, axis=0), np.repeat([2, 8], 50)
    >>> model = LGBMRegressor(objective=Objective(fl.poisson), n_estimators=200, verbose=-1).fit(x, counts)
    >>> model.predict([[0.0], [1.0]]).round(2)
    array([2., 8.])
    """

    def predict(self, X: Any, raw_score: bool = False, **options: Any) -> Any:
        """Predict: the inverse link of the raw scores, or these, with the starting score; leaves and contributions as they are.

        Parameters
        ----------
        X, raw_score, **options
            As for ``lightgbm.LGBMRegressor``.

        Returns
        -------
        ndarray
        """
        if options.get("pred_leaf") or options.get("pred_contrib"):
            return super().predict(X, raw_score, **options)
        scores = self._scores(X, options)
        return scores if raw_score else self._checked().inverse_link(scores)


class LGBMClassifier(_Started, lightgbm.LGBMClassifier):
    """LightGBM's classifier for an `Objective`: ``predict_proba`` gives probabilities and ``predict`` gives classes.

    Parameters
    ----------
    objective : Objective
        The objective: of a loss of two classes, or, for more of them, of a loss of rows. All other parameters are those of
        ``lightgbm.LGBMClassifier``.

    Attributes
    ----------
    start_ : float, or ndarray with one number for each class
        The raw scores that training started from, which predictions contain.

    See Also
    --------
    LGBMRegressor : the same for numbers.

    Examples
    --------
    >>> import numpy as np
    >>> import fastloss as fl
    >>> from fastloss.boosting import Objective
    >>> from fastloss.boosting.lightgbm import LGBMClassifier
    >>> x, numbers = np.repeat([[0.0], [1.0]], 50, axis=0), np.arange(100)
    >>> names = np.where(numbers % 10 < 1 + 7 * x[:, 0], "yes", "no")
    >>> objective = Objective(fl.BinaryCrossEntropy(from_logits=True))
    >>> model = LGBMClassifier(objective=objective, n_estimators=200, verbose=-1).fit(x, names)
    >>> model.predict_proba([[0.0], [1.0]]).round(2), model.predict([[0.0], [1.0]])
    (array([[0.9, 0.1],
           [0.2, 0.8]]), array(['no', 'yes'], dtype='<U3'))
    """

    def _labels(self, y: Any, objective: Objective) -> np.ndarray:
        names, labels = np.unique(np.asarray(y), return_inverse=True)
        if objective.loss.family == "regression":
            raise TypeError(f"{objective.loss!r} is no loss of classes: use LGBMRegressor.")
        if len(names) != 2 and objective.loss.by_numbers:
            raise ValueError(f"{objective.loss!r} is one of two classes; y has {len(names)}. Losses of rows take any number.")
        if len(names) <= 2 and not objective.loss.by_numbers:
            raise ValueError(f"LightGBM has one score for {len(names)} classes, and {objective.loss!r} takes one for each.")
        return labels

    def _weights(self, y: Any, sample_weight: Any) -> Any:
        if self.class_weight is None:
            return sample_weight
        by_class = library("sklearn.utils.class_weight", "class_weight").compute_sample_weight(self.class_weight, y)
        return by_class if sample_weight is None else by_class * np.asarray(sample_weight)

    def decision_function(self, X: Any, **options: Any) -> Any:
        """Compute raw scores, with the starting score.

        Parameters
        ----------
        X, **options
            As for ``lightgbm.LGBMClassifier``.

        Returns
        -------
        ndarray of shape (n,), or (n, n_classes) for more than two classes
        """
        return self._scores(X, options)

    def predict_proba(self, X: Any, raw_score: bool = False, **options: Any) -> Any:
        """Predict probabilities of the classes.

        Parameters
        ----------
        X, raw_score, **options
            As for ``lightgbm.LGBMClassifier``.

        Returns
        -------
        ndarray of shape (n, n_classes)

        Raises
        ------
        TypeError
            The loss has no probabilities.
        """
        if options.get("pred_leaf") or options.get("pred_contrib"):
            return super().predict_proba(X, raw_score, **options)
        scores = self._scores(X, options)
        return scores if raw_score else self._checked().probabilities(scores)

    def predict(self, X: Any, raw_score: bool = False, **options: Any) -> Any:
        """Predict classes: that of the largest score.

        Parameters
        ----------
        X, raw_score, **options
            As for ``lightgbm.LGBMClassifier``.

        Returns
        -------
        ndarray of shape (n,)
        """
        if raw_score or options.get("pred_leaf") or options.get("pred_contrib"):
            return self.predict_proba(X, raw_score, **options)
        scores = self._scores(X, options)
        return self.classes_[scores.argmax(axis=1) if scores.ndim > 1 else (scores > 0).astype(np.intp)]
