"""Losses of ranking: in which order the items of a group come."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

from ..domains import ANY, POSITIVE, Choice, Domain, parameter
from ..loss import Loss


@dataclass(frozen=True, slots=True, repr=False)
class _MarginRankingOfTargets(Loss):
    """Margin of two scores with a target that says which of them should be the higher one."""

    formula = "margin_ranking_of_targets"
    margin: float = parameter(0.0, ANY)

    def __repr__(self) -> str:
        return f"MarginRanking(margin={self.margin!r})"

    def _domains(self) -> dict[str, Domain]:
        return {"target": Choice((-1.0, 1.0))}


@dataclass(frozen=True, slots=True)
class MarginRanking(Loss):
    r"""Margin ranking loss: of two scores, the first one should be higher, by a margin.

    Called as ``loss(s_pos, s_neg)``, or as ``loss(s_pos, s_neg, target)``; all of one shape, one loss for each pair.

    Parameters
    ----------
    margin : float, default=0.0
        By how much higher.

    Notes
    -----
    .. math::

        \ell = \max(0, m - t (s^+ - s^-)), \qquad \frac{\partial \ell}{\partial s^+} = -t, \quad
        \frac{\partial \ell}{\partial s^-} = t \quad \text{where } \ell > 0

    with the ``target`` t, 1 where ``s_pos`` should be the higher one (so all are, if it is left out) and -1 where ``s_neg``
    should, as in torch's ``margin_ranking_loss``. At the kink gradients are 0 (torch has those of the steep side). Gradients
    and Hessians, which are 0, are tuples, for ``s_pos`` and ``s_neg``. The difference of the scores is carried with its
    rounding error, which shows where the margin cancels it.

    References
    ----------
    R. Herbrich, T. Graepel, K. Obermayer, Large margin rank boundaries for ordinal regression, Advances in Large Margin
    Classifiers (2000).

    Examples
    --------
    >>> import fastloss as fl
    >>> loss = fl.MarginRanking(margin=1.0)
    >>> loss([3.0, 0.5], [1.0, 0.0], reduction="none")
    array([0. , 0.5])
    >>> loss.gradient([3.0, 0.5], [1.0, 0.0], reduction="none")
    (array([ 0., -1.]), array([0., 1.]))
    >>> loss([3.0, 0.5], [1.0, 0.0], [-1, 1], reduction="none")
    array([3. , 0.5])
    """

    margin: float = parameter(0.0, ANY)

    optional: ClassVar[tuple[str, ...]] = ("target",)
    numpy_value = "np.mean(np.maximum(0, margin - (s_pos - s_neg)))"

    def _for(self, values: tuple[Any, ...]) -> tuple[Loss, tuple[Any, ...]]:
        return (_margin_of_targets(self.margin), (values[2], *values[:2])) if len(values) > 2 else (self, values)

    def _evaluate(self, want: int, values: tuple[Any, ...], sample_weight: Any, reduction: str, out: Any) -> Any:
        loss, values = self._for(values)
        return Loss._evaluate(loss, want, values, sample_weight, reduction, out)


@lru_cache(maxsize=64)
def _margin_of_targets(margin: float) -> _MarginRankingOfTargets:
    return _MarginRankingOfTargets(margin)


@dataclass(frozen=True, slots=True)
class PairwiseLogistic(Loss):
    r"""Pairwise logistic loss: the cross-entropy of the order of two scores, of which the first one should be higher.

    Called as ``loss(s_pos, s_neg)``, both of one shape; one loss for each pair. The loss of Bayesian personalised ranking
    (BPR), and that of RankNet for pairs that are given.

    Parameters
    ----------
    sigma : float, default=1.0
        How steep the probability of an order is in the difference of scores, > 0.

    Notes
    -----
    With the logistic function :math:`\sigma(x) = 1/(1 + e^{-x})` and :math:`x = \sigma_0 (s^+ - s^-)`:

    .. math::

        \ell = \log\left(1 + e^{-x}\right), \qquad \frac{\partial \ell}{\partial s^+} = -\sigma_0 \sigma(-x)
        = -\frac{\partial \ell}{\partial s^-}, \qquad \frac{\partial^2 \ell}{\partial (s^{\pm})^2} =
        \sigma_0^2 \sigma(x) \sigma(-x)

    where :math:`\sigma_0` is ``sigma``. Gradients and Hessians are tuples, for ``s_pos`` and ``s_neg``. The difference of the
    scores is carried with its rounding error, so that small losses of large scores keep their digits.

    See Also
    --------
    RankNet : all pairs of items of groups, by their relevance.

    References
    ----------
    S. Rendle, C. Freudenthaler, Z. Gantner, L. Schmidt-Thieme, BPR: Bayesian personalized ranking from implicit feedback, UAI
    (2009). arXiv:1205.2618

    Examples
    --------
    >>> import fastloss as fl
    >>> fl.pairwise_logistic([2.0, 0.0], [1.0, 0.0], reduction="none")
    array([0.31326169, 0.69314718])
    >>> fl.pairwise_logistic.gradient([2.0, 0.0], [1.0, 0.0], reduction="none")
    (array([-0.26894142, -0.5       ]), array([0.26894142, 0.5       ]))
    """

    sigma: float = parameter(1.0, POSITIVE)

    numpy_value = "np.mean(np.logaddexp(0, -sigma * (s_pos - s_neg)))"


@dataclass(frozen=True, slots=True)
class RankNet(Loss):
    r"""RankNet's loss: the cross-entropy of all pairs of items of a group whose relevance differs.

    Called as ``loss(relevance, score, group)``; the first two have one number for each item. One loss for each group.

    Parameters
    ----------
    sigma : float, default=1.0
        How steep the probability of an order is in the difference of scores, > 0.

    Notes
    -----
    ``group`` has the sizes of the groups, which sum to the number of items (as in XGBoost and LightGBM), or an identifier for
    each item, in runs: it is taken for sizes wherever it can be. A group of one item, or of items of one relevance, has the
    loss 0.

    With the relevances r and the scores s of a group, and the logistic function :math:`\sigma(x) = 1/(1 + e^{-x})`:

    .. math::

        \ell = \sum_{r_i > r_j} \log\left(1 + e^{-\sigma_0 (s_i - s_j)}\right), \qquad
        \frac{\partial \ell}{\partial s_i} = \sigma_0 \left(\sum_{r_j > r_i} \sigma(-\sigma_0 (s_j - s_i))
        - \sum_{r_i > r_j} \sigma(-\sigma_0 (s_i - s_j))\right), \qquad
        \frac{\partial^2 \ell}{\partial s_i^2} = \sigma_0^2 \sum_{r_j \ne r_i} \sigma(x_{ij}) \sigma(-x_{ij}),
        \quad x_{ij} = \sigma_0 (s_i - s_j)

    where :math:`\sigma_0` is ``sigma``. Pairs are computed one by one, without a list of them; a NaN among the relevances of a
    group makes all its results NaN. ``sample_weight`` has one number for each group.

    References
    ----------
    C. Burges, T. Shaked, E. Renshaw, A. Lazier, M. Deeds, N. Hamilton, G. Hullender, Learning to rank using gradient descent,
    ICML (2005). doi:10.1145/1102351.1102363

    Examples
    --------
    >>> import fastloss as fl
    >>> fl.rank_net([2, 1, 0, 1, 1], [1.0, 0.0, 0.5, 3.0, 4.0], [3, 2], reduction="none")
    array([1.76141566, 0.        ])
    >>> fl.rank_net.gradient([1, 0], [0.0, 0.0], [2])
    array([-0.5,  0.5])
    """

    sigma: float = parameter(1.0, POSITIVE)

    numpy_value = (
        "sum(np.sum(np.logaddexp(0, -sigma * (s[:, None] - s))[r[:, None] > r]) for r, s in zip("
        "*(np.split(x, np.cumsum(group)[:-1]) for x in (relevance, score)))) / len(group)"
    )
