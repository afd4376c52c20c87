"""Losses of ranking: in which order the items of a group come."""

from __future__ import annotations

from dataclasses import dataclass

from ..domains import POSITIVE, parameter
from ..loss import Loss


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
