"""The directive ``command``: a line of ``fastloss``, run while the page is made, and what it printed.

.. code-block:: rst

   .. command:: evaluate examples/diabetes.csv --y-true y_true --y-pred y_pred
      :status: 0
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).resolve().parents[2]


class Command(SphinxDirective):
    """Run ``fastloss`` in the root of the repository by a shell."""

    required_arguments = 1
    final_argument_whitespace = True
    option_spec: ClassVar[dict[str, Any]] = {"status": directives.nonnegative_int, "lines": directives.positive_int}

    def run(self) -> list[nodes.Node]:
        line = " ".join(self.arguments[0].split())
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "84", "TERM": "dumb"}
        done = subprocess.run(
            f'"{sys.executable}" -m fastloss {line}',
            shell=True,
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        if done.returncode != self.options.get("status", 0):
            raise self.error(f"fastloss {line} ended with {done.returncode}: {done.stderr or done.stdout}")
        printed = (done.stdout + done.stderr).rstrip().splitlines()
        if "lines" in self.options and len(printed) > self.options["lines"]:
            printed = [*printed[: self.options["lines"]], "..."]
        text = "\n".join([f"$ fastloss {line}", *printed])
        return [nodes.literal_block(text, text, language="text", classes=["command"])]


def setup(app: Any) -> dict[str, Any]:
    """Add the directive."""
    app.add_directive("command", Command)
    return {"parallel_read_safe": True}
