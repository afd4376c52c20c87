"""Types that annotations name."""

from __future__ import annotations

from typing import Literal

#: How losses are put together.
Reduction = Literal["mean", "sum", "none"]
#: The same where a single number is what comes out.
Total = Literal["mean", "sum"]
