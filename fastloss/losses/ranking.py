"""Losses of ranking: in which order the items of a group come."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from ..domains import ANY, NOT_NEGATIVE, POSITIVE, Choice, Domain, Grades, brief, parameter
from ..loss import Loss, LossOfInputs, LossOfSeveral


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
class MarginRanking(LossOfSeveral):
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

    The derivative by ``margin`` is 1 where the loss is positive, else 0.

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
        if len(values) > 2 and values[2] is not None:
            return _margin_of_targets(self.margin), (values[2], *values[:2])
        return self, values[:2]

    def _evaluate(self, want: int, values: tuple[Any, ...], sample_weight: Any, reduction: str, out: Any) -> Any:
        loss, values = self._for(values)
        return Loss._evaluate(loss, want, values, sample_weight, reduction, out)


@lru_cache(maxsize=64)
def _margin_of_targets(margin: float) -> _MarginRankingOfTargets:
    return _MarginRankingOfTargets(margin)


@dataclass(frozen=True, slots=True)
class PairwiseLogistic(LossOfSeveral):
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

    The derivative by ``sigma`` is :math:`-d / (1 + e^{\sigma d})` with the difference d of the scores.

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
class RankNet(LossOfInputs):
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

    The derivative by ``sigma`` is the sum of :math:`-d / (1 + e^{\sigma d})` over the pairs, d the difference of their
    scores.

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

    curvature = "pairs"
    numpy_value = (
        "sum(np.sum(np.logaddexp(0, -sigma * (s[:, None] - s))[r[:, None] > r]) for r, s in zip("
        "*(np.split(x, np.cumsum(group)[:-1]) for x in (relevance, score)))) / len(group)"
    )


@dataclass(frozen=True, slots=True)
class ListNet(LossOfInputs):
    r"""ListNet's loss, top one: the cross-entropy of which item of a group comes first, by relevance and by score.

    Called as ``loss(relevance, score, group)``; the first two have one number for each item. One loss for each group.

    Parameters
    ----------
    temperature : float, default=1.0
        What the scores, not the relevances, are divided by, > 0.

    Notes
    -----
    ``group`` has the sizes of the groups, or an identifier for each item, as for `RankNet`. With the relevances r and the
    scores s of a group, and the temperature T:

    .. math::

        \ell = -\sum_j q_j \log p_j, \quad q = \operatorname{softmax}(r), \quad p = \operatorname{softmax}(s / T), \qquad
        \frac{\partial \ell}{\partial s_j} = \frac{p_j - q_j}{T}, \qquad
        \frac{\partial^2 \ell}{\partial s_j^2} = \frac{p_j (1 - p_j)}{T^2}

    The labels are a softmax of the relevances, as in the paper and in allRank; TensorFlow Ranking's softmax loss has relevances
    divided by their sum in its place, and divides scores by a temperature, too. The least value is the entropy of q, not 0. A
    group of one item has the loss and the gradient 0. Equal relevances want equal scores, where the gradient is 0. A NaN in a
    group makes all its results NaN. ``sample_weight`` has one number for each group.

    The derivative by ``temperature`` is :math:`\sum_i (q_i - p_i) s_i / T^2`, of scores s, relevances whose softmax is q,
    and the softmax p of :math:`s / T`.

    References
    ----------
    Z. Cao, T. Qin, T.-Y. Liu, M.-F. Tsai, H. Li, Learning to rank: from pairwise approach to listwise approach, ICML (2007).
    doi:10.1145/1273496.1273513

    Examples
    --------
    >>> import fastloss as fl
    >>> fl.list_net([2, 0, 1, 1], [1.0, 0.0, 3.0, 3.0], [2, 2], reduction="none")
    array([0.43246461, 0.69314718])
    >>> fl.list_net.gradient([1, 0], [0.0, 0.0], [2])
    array([-0.23105858,  0.23105858])
    """

    temperature: float = parameter(1.0, POSITIVE)

    curvature = "pairs"
    numpy_value = (
        "sum(np.log(np.exp(s / temperature - np.max(s / temperature)).sum())"
        " - np.exp(r) @ (s / temperature - np.max(s / temperature)) / np.exp(r).sum()"
        " for r, s in zip(*(np.split(x, np.cumsum(group)[:-1]) for x in (relevance, score)))) / len(group)"
    )


@dataclass(frozen=True, slots=True)
class ListMLE(LossOfInputs):
    r"""ListMLE's loss: the negative log-likelihood of the order of the items of a group by relevance.

    Called as ``loss(relevance, score, group)``; the first two have one number for each item. One loss for each group.

    Notes
    -----
    ``group`` has the sizes of the groups, or an identifier for each item, as for `RankNet`. With the scores s of a group in the
    order of relevance, the most relevant item first and those of equal relevance as they come:

    .. math::

        \ell = -\sum_i \log w_{ii}, \quad w_{ij} = \frac{e^{s_j}}{\sum_{l \ge i} e^{s_l}}, \qquad
        \frac{\partial \ell}{\partial s_k} = \sum_{i \le k} w_{ik} - 1, \qquad
        \frac{\partial^2 \ell}{\partial s_k^2} = \sum_{i \le k} w_{ik} (1 - w_{ik})

    A group of one item has the loss 0. Items of equal relevance are taken to be in the right order: shuffle the items where
    that should mean nothing. Sums run from the last item on, in time proportional to the number of items. A NaN in a group
    makes all its results NaN. ``sample_weight`` has one number for each group.

    References
    ----------
    F. Xia, T.-Y. Liu, J. Wang, W. Zhang, H. Li, Listwise approach to learning to rank: theory and algorithm, ICML (2008).
    doi:10.1145/1390156.1390306

    Examples
    --------
    >>> import fastloss as fl
    >>> fl.list_mle([2, 0, 1, 1], [1.0, 0.0, 3.0, 3.0], [2, 2], reduction="none")
    array([0.31326169, 0.69314718])
    >>> fl.list_mle.gradient([1, 0], [0.0, 0.0], [2])
    array([-0.5,  0.5])
    """

    curvature = "pairs"
    numpy_value = (
        "sum(np.sum(np.logaddexp.accumulate(s[np.argsort(-r, kind='stable')][::-1])) - s.sum()"
        " for r, s in zip(*(np.split(x, np.cumsum(group)[:-1]) for x in (relevance, score)))) / len(group)"
    )


_GRADES = Grades(0.0, 1023.0, hint='Pass gain="linear" for relevances that are their own gains.')
_GAINS = ("exp2", "linear")
# How many ranks boosting looks at where nobody says: as many as LightGBM.
_RANKS = 30


@dataclass(frozen=True, slots=True)
class LambdaRank(LossOfInputs):
    r"""LambdaRank's loss: what NDCG lacks of 1, with the gradient and Hessian that boosting uses in place of its derivatives.

    Called as ``loss(relevance, score, group)``; the first two have one number for each item. One loss for each group.

    Parameters
    ----------
    sigma : float, default=1.0
        How steep the probability of an order is in the difference of scores, > 0.
    k : int, default=None
        How many ranks count, from the first one on, >= 1; None: all.
    gain : {"exp2", "linear"}, default="exp2"
        What an item of relevance r gains: :math:`2^r - 1`, for whole numbers r from 0 to 1023, or r, for numbers from 0 on.

    Notes
    -----
    ``group`` has the sizes of the groups, or an identifier for each item, as for `RankNet`. With the gains G and the ranks
    :math:`\pi` by score of the items of a group, from 0 on, ties as they come:

    .. math::

        \ell = 1 - \frac{\mathrm{DCG}}{\mathrm{IDCG}}, \qquad \mathrm{DCG} = \sum_{\pi_i < k} G_i D(\pi_i), \qquad
        D(\pi) = \frac{1}{\log_2(2 + \pi)}

    where IDCG is the DCG of the order by relevance. The value is constant between ties, so its derivatives say nothing. What
    the methods return in their place are those of RankNet's pairs, each times how much NDCG would change if the two items
    changed places:

    .. math::

        g_i = \sum_j \pm |\Delta_{ij}| \, \sigma_0 \, \sigma(-\sigma_0 d_{ij}), \quad
        h_i = \sum_j |\Delta_{ij}| \, \sigma_0^2 \, \sigma(\sigma_0 d_{ij}) \sigma(-\sigma_0 d_{ij}), \quad
        |\Delta_{ij}| = \frac{|G_i - G_j| \, |D(\pi_i) - D(\pi_j)|}{\mathrm{IDCG}}

    where :math:`d_{ij}` is the score of the more relevant item of the two minus that of the other one, the sign is minus for
    the more relevant one, and :math:`\sigma_0` is ``sigma``. Pairs count if the better rank of the
    two is among the first k, as in LightGBM's ``lambdarank`` with ``lambdarank_truncation_level=k`` and
    ``lambdarank_norm=False``. By default, it and XGBoost normalise: each :math:`|\Delta_{ij}|` is divided by
    :math:`0.01 + |s_i - s_j|`, unless all scores of the group are equal, and the derivatives of a group are multiplied by
    :math:`\log_2(1 + S) / S`, with the sum S of the sizes of all slopes, two for each pair. `fastloss.boosting.Objective` does
    so, too, with ``k=30`` where k is None, LightGBM's default, unless told ``hessian="exact"``; the methods here do neither.

    A group without gains, or of one item, or of equal relevances, has the value and the derivatives 0. A NaN in a group makes
    all its results NaN. ``sample_weight`` has one number for each group. scikit-learn's ``ndcg_score`` has linear gains, and
    averages over ties of scores: `fastloss.metrics.ndcg_score`.

    The value does not depend on ``sigma``: there is no derivative by it.

    References
    ----------
    C. Burges, R. Ragno, Q. V. Le, Learning to rank with nonsmooth cost functions, NIPS (2006).

    C. Burges, From RankNet to LambdaRank to LambdaMART: an overview, MSR-TR-2010-82 (2010).

    Examples
    --------
    >>> import fastloss as fl
    >>> relevance, score, group = [2, 0, 1, 1], [0.0, 1.0, 3.0, 3.0], [2, 2]
    >>> fl.lambda_rank(relevance, score, group, reduction="none")
    array([0.36907025, 0.        ])
    >>> fl.lambda_rank.gradient(relevance, score, group, reduction="none")
    array([-0.26981197,  0.26981197,  0.        ,  0.        ])
    """

    sigma: float = parameter(1.0, POSITIVE)
    k: int | None = None
    gain: str = "exp2"

    curvature = "pairs"
    numpy_value = (
        "1 - sum((g[np.argsort(-s, kind='stable')] @ (1 / np.log2(2 + np.arange(len(s)))))"
        " / max(np.sort(g)[::-1] @ (1 / np.log2(2 + np.arange(len(s)))), 1e-300)"
        " for g, s in zip(*(np.split(x, np.cumsum(group)[:-1]) for x in (2.0**relevance - 1, score)))) / len(group)"
    )

    def __post_init__(self) -> None:
        k = self.k
        if k is not None:
            if isinstance(k, bool) or not isinstance(k, int | np.integer) or not 1 <= k < 2**53:
                raise ValueError(f"LambdaRank: k must be an integer from 1, or None; got {brief(k)}.")
            object.__setattr__(self, "k", int(k))
        if not (isinstance(self.gain, str) and self.gain in _GAINS):
            raise ValueError(f"LambdaRank: gain must be 'exp2' or 'linear'; got {brief(self.gain)}.")
        Loss.__post_init__(self)

    def _parameters(self) -> dict[str, float]:
        ranks = float("inf") if self.k is None else float(self.k)
        return {"sigma": self.sigma, "k": ranks, "exponential": float(self.gain == "exp2"), "normalised": 0.0}

    def _boosted(self) -> Loss:
        return _NormalisedLambdaRank(self.sigma, self.k, self.gain)

    def _domains(self) -> dict[str, Domain]:
        return {"relevance": _GRADES if self.gain == "exp2" else NOT_NEGATIVE}


@dataclass(frozen=True, slots=True)
class _NormalisedLambdaRank(LambdaRank):
    """What boosting makes of LambdaRank."""

    formula = "lambda_rank"

    def __repr__(self) -> str:
        return repr(LambdaRank(self.sigma, self.k, self.gain))

    def _parameters(self) -> dict[str, float]:
        ranks = float(_RANKS if self.k is None else self.k)
        return {**LambdaRank._parameters(self), "k": ranks, "normalised": 1.0}
