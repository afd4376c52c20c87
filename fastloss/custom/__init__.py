"""Losses of one's own: functions, expressions and pointers become losses; and a look at what is wrong with one."""

from .check import Finding, Report, check_loss
from .loss import CustomLoss, custom_loss

__all__ = ["CustomLoss", "Finding", "Report", "check_loss", "custom_loss"]
