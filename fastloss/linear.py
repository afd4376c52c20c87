"""Linear models: a loss of ``X @ coef + intercept`` as a function of these, for optimisers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import _arrays, errors
from ._core import GRADIENT
from .classes import MOST_CLASSES
from .domains import brief
from .errors import NotDifferentiableError
from .loss import Loss
from .losses.composite import WeightedSum
from .penalties import PenalizedLoss, Penalty


def linear_objective(
    loss: Loss | PenalizedLoss,
    X: Any,
    y: Any,
    sample_weight: Any = None,
    penalty: Penalty | None = None,
    fit_intercept: bool = True,
) -> LinearObjective:
    """Make a loss of a linear model's raw predictions a function of the model's coefficients, for ``scipy.optimize.minimize``.

    Parameters
    ----------
    loss : Loss
        A loss of raw predictions: of numbers (with ``from_logits=True`` or ``from_log=True`` where it has that parameter), or
        of rows of scores, one for each class. A `PenalizedLoss` brings its penalty.
    X : array_like or sparse matrix of shape (n, d)
        The features. float32 is computed with in float32, all others in float64. Sparse matrices are SciPy's; they stay so.
    y : array_like of shape (n,) or (n, k)
        The labels, as the loss takes them. Of (n, k) labels, each column has coefficients of its own; class indices of a loss
        of rows make a column for each class: as many as ``class_weight`` has, or up to the largest index.
    sample_weight : array_like of shape (n,), default=None
        Weights of the samples.
    penalty : Penalty, default=None
        What the coefficients cost, such as ``L2Penalty(1e-3)``. Intercepts are not penalised.
    fit_intercept : bool, default=True
        Whether the model has intercepts.

    Returns
    -------
    LinearObjective
        To be called with a vector of all coefficients; it begins at ``start``, and has ``solution`` for where it ends.

    Raises
    ------
    TypeError
        This is no loss or no penalty, the loss has no gradient or other inputs than labels and predictions, or the arrays hold
        no real numbers.
    ValueError
        Shapes do not fit, or the loss takes probabilities or means.

    Examples
    --------
    >>> import numpy as np
    >>> import fastloss as fl
    >>> X = np.array([[0.0], [1.0], [2.0], [3.0]])
    >>> objective = fl.linear_objective(fl.HalfSquaredError(), X, [1.0, 3.0, 5.0, 7.0])
    >>> objective.start
    array([0., 0.])
    >>> value, gradient = objective(objective.start)
    >>> value, gradient
    (10.5, array([-8.5, -4. ]))
    >>> solution = objective.solution([2.0, 1.0])
    >>> solution.coef_, solution.intercept_
    (array([2.]), 1.0)
    >>> solution.predict([[10.0]])
    array([21.])
    """
    return LinearObjective(loss, X, y, sample_weight, penalty, fit_intercept)


class LinearObjective:
    r"""The cost of a linear model as a function of its coefficients: what `linear_objective` makes.

    Attributes
    ----------
    start : ndarray
        Zeros: where an optimiser may begin.
    loss, penalty : Loss, and Penalty or None
        What is minimised.

    Notes
    -----
    The vector of parameters holds the coefficients, those of each column of the labels one after another, and then the
    intercepts. The cost is the weighted mean loss of ``X @ coef.T + intercept`` plus the penalty of the coefficients:

    .. math::

        C(w, b) = \frac{\sum_i u_i \, \ell(y_i, w^T x_i + b)}{\sum_i u_i} + P(w), \qquad
        \frac{\partial C}{\partial w} = X^T g + \frac{\partial P}{\partial w}, \qquad \frac{\partial C}{\partial b} = \sum_i g_i

    with the weights u and the gradient g of the mean loss by the raw predictions; of (n, k) labels whose losses are those of
    numbers, the mean is that of all. Losses, penalties and g are fastloss's; the products with X are NumPy's (or the sparse
    matrix's), whose rounding depends on the machine.

    Raw predictions and their gradients are kept between calls, so that a call allocates no memory of the size of the data (but
    for sparse products). An object is therefore of one thread at a time; copies (by pickle, too) are independent.

    Examples
    --------
    ``scipy.optimize.minimize(objective, objective.start, jac=True)``, and with second derivatives
    ``scipy.optimize.minimize(objective, objective.start, jac=True, hessp=objective.hessian_product, method="Newton-CG")``.
    """

    def __init__(
        self, loss: Any, X: Any, y: Any, sample_weight: Any = None, penalty: Any = None, fit_intercept: bool = True
    ) -> None:
        if isinstance(loss, PenalizedLoss):
            loss, penalty = loss.loss, loss.penalty if penalty is None else loss.penalty + penalty
        _check_loss(loss)
        if penalty is not None and not isinstance(penalty, Penalty):
            raise TypeError(f"penalty must be a penalty, such as L2Penalty(), or None; got {brief(penalty)}.")
        if not isinstance(fit_intercept, bool | np.bool_):
            raise ValueError(f"fit_intercept must be True or False; got {brief(fit_intercept)}.")
        self.loss, self.penalty, self.fit_intercept = loss, penalty, bool(fit_intercept)
        self._X = _read_matrix(X, "X")
        n, self._features = self._X.shape
        self._y = _arrays.decode(_arrays.read(y, "y"))
        self._weights = None if sample_weight is None else _arrays.decode(_arrays.read(sample_weight, "sample_weight"))
        indices = (
            not loss.by_numbers and self._y.ndim == 1 and any(form.index and not form.axes for form in loss.signature.labels)
        )
        if self._y.ndim not in (1, 2) or len(self._y) != n or not (loss.by_numbers or indices or self._y.ndim == 2):
            wanted = f"({n},) or ({n}, k)" if loss.by_numbers or indices else f"({n}, k)"
            raise ValueError(
                f"y must have shape {wanted} for {type(loss).__name__} and X of shape {self._X.shape}; got {self._y.shape}."
            )
        self._outputs = (_count_classes(loss, self._y),) if indices else self._y.shape[1:]
        shape = (n, *self._outputs)
        self._raw, self._slopes = np.empty(shape, self._X.dtype), np.empty(shape, self._X.dtype)
        columns = math.prod(self._outputs)
        self.start = np.zeros(columns * (self._features + self.fit_intercept))

    def __repr__(self) -> str:
        n, columns = len(self._y), self._outputs[0] if self._outputs else 1
        what = f"{self.loss!r} and {self.penalty!r}"
        return f"<LinearObjective of {what}: {n} samples, {self._features} features, {columns} column(s)>"

    def __call__(self, theta: Any) -> tuple[float, np.ndarray]:
        """Compute the cost and its gradient.

        Parameters
        ----------
        theta : array_like of the shape of ``start``
            Coefficients and intercepts.

        Returns
        -------
        float, ndarray of float64
            The gradient is a new array each time.
        """
        coefficients, intercepts = self._split(theta)
        self._predict(coefficients, intercepts)
        value, slopes = self.loss.value_and_gradient(self._y, self._raw, sample_weight=self._weights, out=self._slopes)
        gradient = self._back(slopes)
        if self.penalty is not None:
            cost, own = self.penalty.value_and_gradient(coefficients)
            value += cost
            gradient[: own.size] += own.ravel()
        return value, gradient

    def value(self, theta: Any) -> float:
        """Compute the cost alone."""
        coefficients, intercepts = self._split(theta)
        self._predict(coefficients, intercepts)
        value = self.loss(self._y, self._raw, sample_weight=self._weights)
        return value if self.penalty is None else value + self.penalty(coefficients)

    def hessian_product(self, theta: Any, vector: Any) -> np.ndarray:
        r"""Multiply the matrix of second derivatives by a vector: ``hessp`` of ``scipy.optimize.minimize``.

        Parameters
        ----------
        theta, vector : array_like of the shape of ``start``
            Where, and what is multiplied.

        Returns
        -------
        ndarray of float64

        Raises
        ------
        NotDifferentiableError
            The loss is one of rows, whose second derivatives are more than a diagonal, or has no Hessian.

        Notes
        -----
        :math:`X^T \operatorname{diag}(h) X v`, plus that of the penalty, with the second derivatives h of the loss by each raw
        prediction. No matrix of the size d times d is made.
        """
        if not self.loss.by_numbers:
            raise NotDifferentiableError(
                f"{type(self.loss).__name__} has no product with the Hessian: of a row of scores it is no diagonal. Use an "
                "optimiser that needs gradients only, such as L-BFGS-B."
            )
        coefficients, intercepts = self._split(theta)
        self._predict(coefficients, intercepts)
        _, curvatures = self.loss.gradient_and_hessian(self._y, self._raw, sample_weight=self._weights)
        direction, shift = self._split(vector)
        self._predict(direction, shift)
        product = self._back(np.multiply(curvatures, self._raw, out=self._raw))
        if self.penalty is not None:
            _, own = self.penalty.gradient_and_hessian(coefficients)
            product[: own.size] += (own * direction).ravel()
        return product

    def solution(self, theta: Any) -> LinearSolution:
        """Take a vector of parameters, such as ``result.x`` of an optimiser, apart.

        Parameters
        ----------
        theta : array_like of the shape of ``start``
            Coefficients and intercepts.

        Returns
        -------
        LinearSolution
            With ``coef_``, ``intercept_``, ``predict`` and ``raw_predict``.
        """
        coefficients, intercepts = self._split(theta)
        intercepts = np.array(np.broadcast_to(intercepts, self._outputs))
        return LinearSolution(coefficients.copy(), intercepts if self._outputs else float(intercepts), self.loss)

    def _split(self, theta: Any) -> tuple[np.ndarray, Any]:
        """Return the coefficients, (d,) or (k, d), and the intercepts."""
        array = np.asarray(theta, dtype=np.float64)
        if array.shape != self.start.shape:
            raise ValueError(
                f"the parameters must have shape {self.start.shape}, coefficients and then intercepts; got {array.shape}."
            )
        end = array.size - self.fit_intercept * math.prod(self._outputs)
        coefficients = array[:end].reshape((*self._outputs, self._features))
        return coefficients, array[end:].reshape(self._outputs) if self.fit_intercept else 0.0

    def _predict(self, coefficients: np.ndarray, intercepts: Any) -> None:
        """Write the raw predictions."""
        dtype = self._X.dtype
        _multiply(self._X, coefficients.T.astype(dtype), self._raw)
        if self.fit_intercept:
            self._raw += np.asarray(intercepts, dtype)

    def _back(self, slopes: np.ndarray) -> np.ndarray:
        """Carry derivatives by raw predictions over to the parameters."""
        result = np.empty(self.start.size)
        end = result.size - self.fit_intercept * math.prod(self._outputs)
        result[:end] = (self._X.T @ slopes).T.ravel()
        if self.fit_intercept:
            result[end:] = slopes.sum(axis=0, dtype=np.float64)
        return result


@dataclass(frozen=True, slots=True, eq=False)
class LinearSolution:
    """A linear model: what `LinearObjective.solution` makes.

    Parameters
    ----------
    coef_ : ndarray of shape (d,) or (k, d)
        The coefficients; a row for each column of (n, k) labels, or for each class.
    intercept_ : float or ndarray of shape (k,)
        The intercepts; 0 where none were fitted.
    loss : Loss
        The loss, whose ``inverse_link`` says what raw predictions mean.
    """

    coef_: np.ndarray
    intercept_: Any
    loss: Loss

    def raw_predict(self, X: Any) -> np.ndarray:
        """Compute raw predictions: ``X @ coef_.T + intercept_``.

        Parameters
        ----------
        X : array_like or sparse matrix of shape (n, d)
            The features.

        Returns
        -------
        ndarray of shape (n,) or (n, k)
        """
        matrix = _read_matrix(X, "X")
        if matrix.shape[1] != self.coef_.shape[-1]:
            raise ValueError(f"X must have {self.coef_.shape[-1]} columns, one for each coefficient; got shape {matrix.shape}.")
        raw = np.empty((matrix.shape[0], *self.coef_.shape[:-1]), matrix.dtype)
        _multiply(matrix, self.coef_.T.astype(matrix.dtype), raw)
        raw += np.asarray(self.intercept_, raw.dtype)
        return raw

    def predict(self, X: Any) -> np.ndarray:
        """Compute predictions on the scale of the labels: probabilities of cross-entropies, means of Poisson's loss.

        Parameters and results are those of `raw_predict`.
        """
        return self.loss.inverse_link(self.raw_predict(X))


def _check_loss(loss: Any) -> None:
    if not isinstance(loss, Loss):
        hint = " Make an instance." if isinstance(loss, type) and issubclass(loss, Loss) else ""
        raise TypeError(f"loss must be a loss, such as Huber(); got {brief(loss)}.{hint}")
    if loss.inputs != Loss.inputs or not (loss.by_numbers or loss.signature.axes == "(k)"):
        raise TypeError(f"{type(loss).__name__} is no loss of labels and the raw predictions of single samples.")
    loss._check_differentiable(GRADIENT)
    for term in _terms(loss):
        # any number may be the mean of a normal distribution, which has no domain
        means = term.by_numbers and getattr(term, "from_log", True) is False and "y_pred" in term._domains()
        if means or getattr(term, "from_logits", True) is False:
            taken, option = ("means", "from_log") if means else ("probabilities", "from_logits")
            raise ValueError(f"a linear model predicts raw scores, and {term!r} takes {taken}. Pass it {option}=True.")


def _terms(loss: Loss) -> list[Loss]:
    """Return the losses that are added up, or the one that is none of sums."""
    return [term for _, term in loss.terms] if isinstance(loss, WeightedSum) else [loss]


def _count_classes(loss: Loss, labels: np.ndarray) -> int:
    """Count the classes that scores are needed for."""
    # the terms of a sum count the same rows
    loss = _terms(loss)[0]
    weights = getattr(loss, "class_weight", None)
    if weights is not None:
        return len(weights)
    ignored = getattr(loss, "ignore_index", None)
    kept = labels >= 0 if ignored is None else (labels >= 0) & (labels != ignored)
    largest = float(np.max(labels, where=kept, initial=0))
    if largest >= MOST_CLASSES:
        index = _arrays.first(kept & (labels == largest))
        raise errors.too_many_classes(index, labels[index], MOST_CLASSES)
    return int(largest) + 1


def _read_matrix(value: Any, name: str) -> Any:
    """Read a matrix of float32 or float64, dense or sparse."""
    if hasattr(value, "tocsr") and not isinstance(value, np.ndarray):
        if value.dtype.kind not in "fiub":
            raise TypeError(f"{name} must hold real numbers; got a sparse matrix of dtype {value.dtype}.")
        matrix = value.tocsr()
        return matrix if matrix.dtype in (np.float32, np.float64) else matrix.astype(np.float64)
    array = _arrays.decode(_arrays.read(value, name))
    if array.ndim != 2:
        raise ValueError(f"{name} must have two axes, those of samples and of features; got shape {array.shape}.")
    single = array.dtype.kind == "f" and array.itemsize == 4
    array = array.astype(np.float32 if single else np.float64, copy=False)
    # NumPy copies others for each product
    return array if array.flags.forc else np.ascontiguousarray(array)


def _multiply(matrix: Any, vectors: np.ndarray, out: np.ndarray) -> None:
    """Write the product of a matrix and one or more vectors."""
    if isinstance(matrix, np.ndarray):
        np.matmul(matrix, vectors, out=out)
    else:
        out[...] = matrix @ vectors
