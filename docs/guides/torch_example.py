import torch

import fastloss.torch as F  # in place of torch.nn.functional
from fastloss.torch import nn  # and of torch.nn

scores, labels = torch.randn(128, 10, requires_grad=True), torch.randint(0, 10, (128,))
F.cross_entropy(scores, labels, label_smoothing=0.1).backward()
nn.BCEWithLogitsLoss(reduction="sum")(scores, torch.rand(128, 10)).backward()
