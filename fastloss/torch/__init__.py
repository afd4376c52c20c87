"""The losses of `torch.nn.functional` and `torch.nn` on the CPU: same arguments, values and gradients, in less time.

::

    import fastloss.torch as F            # in place of import torch.nn.functional as F
    from fastloss.torch import nn         # nn.CrossEntropyLoss() and so on

Value and gradient come from one pass of a kernel over the tensors' own memory when the loss is computed; the backward pass only
scales. The functions are those of torch, with its signatures, reductions, shapes and dtypes; ``sigmoid_focal_loss`` is
torchvision's. What the kernels do not cover goes to torch's own function, with all it does: other devices; dtypes other than
float32 and float64, or mixed ones; subclasses of tensors; the deprecated ``size_average`` and ``reduce``; broadcasting;
derivatives by targets or weights; second derivatives (``create_graph=True``) and those along a direction; ``torch.func``
(``grad``, ``vmap``); what `torch.compile`, `torch.export` or a dispatch mode traces. So does what fastloss refuses: errors are
torch's, and an empty mean is NaN. ``with disabled():`` leaves everything to torch. (`torch.jit.script` cannot read these
functions.)

====================================  =============================  =========================================================
function                              loss of `fastloss`             left to torch
====================================  =============================  =========================================================
``mse_loss``, ``l1_loss``             `SquaredError`,                negative weights, here and below
                                      `AbsoluteError`
``huber_loss``, ``smooth_l1_loss``    `Huber`, `SmoothL1`
``binary_cross_entropy``              `BinaryCrossEntropy`           probabilities within 1e-12 of 0 or 1, where torch bounds
                                                                     logarithms by -100, and derivatives
``binary_cross_entropy_with_logits``  `BinaryCrossEntropy`           targets outside [0, 1]; several numbers in ``pos_weight``
``cross_entropy``                     `CategoricalCrossEntropy`      distributions with numbers outside [0, 1]; the mean of
                                                                     nothing but ignored rows, which is NaN
``kl_div``                            `KLDivergence`                 targets outside [0, 1]
``poisson_nll_loss``                  `Poisson`                      ``log_input=False`` (``eps``), ``full=True`` (Stirling's
                                                                     approximation), negative targets
``gaussian_nll_loss``                 `GaussianNLL`                  derivatives by variances that are not above ``eps``, for
                                                                     which torch takes those at ``eps``
``soft_margin_loss``                  `SoftMargin`                   targets other than 1 and -1
``multi_margin_loss``                 `MultiMargin`
``multilabel_margin_loss``            `MultiLabelMargin`
``multilabel_soft_margin_loss``       `MultiLabelSoftMargin`         targets outside [0, 1]; weights of single labels
``margin_ranking_loss``               `MarginRanking`                ties with ``margin=0``; targets other than 1 and -1
``cosine_embedding_loss``             `CosineEmbedding`              vectors so short that torch's 1e-12 counts
``triplet_margin_loss``               `TripletMargin`                ``swap=True``; ``p`` below 1
``ctc_loss``                          `CTC`                          sequences that cannot be aligned, unless ``zero_infinity``
``sigmoid_focal_loss``                `BinaryFocal`                  targets other than 0 and 1
``nll_loss``,                         none                           everything
``hinge_embedding_loss``
====================================  =============================  =========================================================

Notes
-----
The gradient of ``ctc_loss`` is torch's, that by scores of which the log-softmax was taken; `fastloss.CTC` has the one by
log-probabilities. ``eps`` of ``triplet_margin_loss`` is added to anchors rather than to differences, which is the same but for
rounding. Differences that are left, and which ``disabled()`` takes away:

- Losses are right where torch's are not: for logits of plus or minus infinity, margins beyond the range of the exponential,
  predictions that are sure, sums of many numbers.
- A weight of 0 removes what it weighs, even where the loss is infinite or NaN.
- At a kink, where a margin is met to the last bit, the gradient of ``margin_ranking_loss``, ``cosine_embedding_loss`` and
  ``triplet_margin_loss`` is 0; torch takes that of the side on which the loss is positive.
- A gradient of 4 MiB or more has memory of NumPy's, which ``resize_`` cannot change. When no tensor has it any more, it is kept
  for the next gradient of its size, until one of another size comes: four arrays at the most.

There are no more threads than `torch.get_num_threads` says, nor than `fastloss.get_num_threads`. Where fastloss has as many,
and was built with the OpenMP that torch has loaded, they are torch's own.
"""

from __future__ import annotations

try:
    import torch as _torch  # noqa: F401 - only to say what is missing
except ImportError:
    raise ImportError("fastloss.torch needs PyTorch: pip install 'fastloss[torch]'") from None

from . import functional, nn
from ._engine import disabled
from .functional import *  # noqa: F403 - its losses
from .functional import __all__ as _losses

__all__ = ["disabled", "functional", "nn", *_losses]
