"""Losses of sequences: frames of classes, and what they are to spell."""

from __future__ import annotations

from dataclasses import dataclass
from operator import index
from typing import Any

import numpy as np

from .. import _arrays, errors
from .._core import VALUE, Inputs, Kernel, Output, execute
from ..loss import Loss, LossOfInputs

_INFEASIBLE = ("inf", "zero", "raise")


@dataclass(frozen=True, slots=True)
class CTC(LossOfInputs):
    r"""Connectionist temporal classification: all ways to spell a target, frame by frame, with repetitions and blanks.

    Called as ``loss(log_probs, targets, input_lengths, target_lengths)``, as torch's ``ctc_loss``: log-probabilities of the
    shape (T, N, C), for N sequences of at most T frames and C classes; labels, of any integer dtype, padded to (N, S), or all
    of them one after another; and how many frames and labels are a sequence's own. One sequence may come as (T, C), with (S,)
    labels and two numbers.

    Parameters
    ----------
    blank : int, default=0
        The class that stands for no label.
    from_logits : bool, default=False
        Whether scores are given in place of log-probabilities: the log-softmax is part of the loss.
    infeasible : {"inf", "zero", "raise"}, default="inf"
        What a sequence costs that cannot be aligned, because it has too few frames or because all alignments have the
        probability 0: infinity, nothing, or a ValueError that names it. Its gradient is 0 in any case.
    batch_first : bool, default=False
        Whether sequences come as (N, T, C).

    Notes
    -----
    A path :math:`\pi` has a class in each frame. What it spells is left when repetitions are merged and then blanks dropped:

    .. math::

        \ell = -\log \sum_{\pi \text{ spells } y} \prod_t p_{t \pi_t}, \qquad
        \frac{\partial \ell}{\partial \log p_{tk}} = -\gamma_{tk}, \qquad
        \frac{\partial \ell}{\partial z_{tk}} = p_{tk} - \gamma_{tk}

    where :math:`\gamma_{tk}` is the share, by probability, of the paths that are at k in frame t. The gradient is with respect
    to what is passed in: :math:`-\gamma` by log-probabilities, which need not be normalised, and :math:`p - \gamma` by scores.
    (torch returns the latter for both.) It is 0 in the frames behind a sequence's own, which are never read, nor are labels
    behind its own.

    ``reduction="mean"`` divides each loss by the length of its target (1 for an empty one) before it averages, as torch does;
    ``"sum"`` and ``"none"`` do not. Weights are those of the sequences.

    L labels, r of which are like the one before, need L + r frames. An empty target costs :math:`-\sum_t \log p_{t0}`, and 0 in
    no frames. Log-probabilities may be -inf. A NaN in a frame makes loss and gradient of its sequence NaN, where it matters:
    log-probabilities of classes that are not in the target are not looked at.

    Sums over paths are in double precision, with exponents of their own: nothing underflows. Those that are about 1 are
    computed with the errors of all roundings, so that small losses keep their digits; the others are off by less than
    :math:`4 (T + 10) 2^{-53}`, before they are rounded to the precision of the frames. The relative error of a share
    :math:`\gamma` is less than 2 (T + 10) ulp of double precision, mostly a few; that of the gradient by scores is relative to
    the larger of p and :math:`\gamma`. There is no Hessian. Sequences are shared out among threads; where a lattice is large,
    about a square root of its columns is kept, and the others are computed twice.

    References
    ----------
    A. Graves, S. Fernández, F. Gomez, J. Schmidhuber, Connectionist temporal classification: labelling unsegmented sequence
    data with recurrent neural networks, ICML (2006). doi:10.1145/1143844.1143891

    Examples
    --------
    >>> import numpy as np
    >>> import fastloss as fl
    >>> log_probs = np.log([[0.6, 0.4], [0.5, 0.5], [0.9, 0.1]])
    >>> fl.ctc(log_probs[:, None], [[1]], [3], [1])
    0.34249030894677585
    >>> fl.ctc.gradient(log_probs, [1], 3, 1).round(3)
    array([[-0.465, -0.535],
           [-0.296, -0.704],
           [-0.887, -0.113]])
    """

    blank: int = 0
    from_logits: bool = False
    infeasible: str = "inf"
    batch_first: bool = False

    no_hessian = "all frames of a sequence act on each other's derivatives. Use the gradient."

    def __post_init__(self) -> None:
        try:
            blank = -1 if isinstance(self.blank, bool | np.bool_) else index(self.blank)
        except TypeError:
            blank = -1
        if blank < 0:
            raise ValueError(f"CTC: blank must be a class index, an integer from 0; got {self.blank!r}.")
        object.__setattr__(self, "blank", blank)
        if self.infeasible not in _INFEASIBLE:
            raise ValueError(f'CTC: infeasible must be "inf", "zero" or "raise"; got {self.infeasible!r}.')
        Loss.__post_init__(self)

    def _kernel_name(self) -> str:
        return "ctc_from_logits" if self.from_logits else "ctc"

    def _parameters(self) -> dict[str, float]:
        return {
            "blank": float(self.blank),
            "zero": float(self.infeasible == "zero"),
            "strict": float(self.infeasible == "raise"),
            "by_length": 0.0,
        }

    def _unit_axes(self) -> int:
        return 0 if self.batch_first else 1

    def _kernel_for(self, inputs: Inputs, reduction: str = "none") -> Kernel:
        classes = inputs.operands[0][0].shape[-1]
        if self.blank >= classes:
            raise ValueError(f"log_probs has {classes} classes: the blank, {self.blank}, is none of them.")
        if reduction != "mean":
            return self._kernel
        return Kernel(self._kernel_name(), self._parameters() | {"by_length": 1.0})

    def _explain_domains(self, inputs: Inputs, weights: Any) -> None:
        labels = _arrays.decode(inputs.operands[1]).ravel()
        shape = inputs.operands[1][0].shape
        counts = np.ones(inputs.shape) if weights is None else _arrays.decode(weights)
        for sample in np.flatnonzero(counts):
            frames, begin, length = map(int, inputs.sequences[:, sample])
            own = labels[begin : begin + length]
            self._explain_labels(own, begin, shape, inputs.operands[0][0].shape[-1], f"sample {sample}")
            repeats = np.count_nonzero(own[1:] == own[:-1])
            if length + repeats > frames and self.infeasible == "raise":
                raise ValueError(
                    f"sample {sample} cannot be aligned: {length} labels, {repeats} of them like the one before, need "
                    f'{length + repeats} frames; it has {frames}. Pass infeasible="inf" or "zero" to allow it.'
                )
        if self.infeasible == "raise":
            values = np.empty(inputs.shape)
            lenient = Kernel(self._kernel_name(), self._parameters() | {"strict": 0.0})
            execute((lenient,), inputs, weights, (Output(VALUE, _arrays.write(values)),))
            (sample,) = np.flatnonzero(values == np.inf)[:1]
            raise ValueError(
                f"sample {sample} cannot be aligned: all ways to spell its target have the probability 0. Pass "
                'infeasible="inf" or "zero" to allow it.'
            )

    def _explain_labels(self, own: np.ndarray, begin: int, shape: tuple[int, ...], classes: int, sample: str) -> None:
        """Raise where a label of a sequence is no class, or the blank."""
        bad = ~((own >= 0) & (own < classes) & (own == np.trunc(own))) | (own == self.blank)
        if bad.any():
            first = begin + int(np.argmax(bad))
            sentence = (
                f"targets must hold classes from 0 to {classes - 1} other than the blank, {self.blank}; got "
                f"{own[first - begin]}{{place}}, in the target of {sample}."
            )
            where = tuple(map(int, np.unravel_index(first, shape)))
            raise errors.InputError(sentence, "targets", where, own[first - begin])
