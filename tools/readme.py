"""Write the table of the losses into README.md, between its two comments: ``python tools/readme.py``.

A test compares the committed table with the output of this script.
"""

from __future__ import annotations

from pathlib import Path

from fastloss.registry import SHORT_NAMES, every_class

README = Path(__file__).parents[1] / "README.md"
BEGIN, END = "<!-- losses -->\n", "<!-- end of losses -->\n"


def table() -> str:
    """All losses by family, with the short names of those that have one."""
    short = {name: alias for alias, name in SHORT_NAMES.items()}
    lines = ["| family | losses |", "|---|---|"]
    # those that are made of others, too
    classes = sorted(every_class(), key=lambda cls: cls.name)
    for family in sorted({cls.family for cls in classes}):
        names = (
            f"`{cls.__name__}`" + (f" (`fl.{short[cls.name]}`)" if cls.name in short else "")
            for cls in classes
            if cls.family == family
        )
        lines.append(f"| {family} | {', '.join(names)} |")
    return "\n".join(lines) + "\n"


def written(text: str) -> str:
    """The text of the README with the table in its place."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + table() + END + after


if __name__ == "__main__":
    README.write_text(written(README.read_text()))
