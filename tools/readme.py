"""Write the tables of the losses, and of their names elsewhere, into README.md, between comments: ``python tools/readme.py``.

A test compares the committed table with the output of this script. ``python -m benchmarks report`` writes the table of times in
the same way.
"""

from __future__ import annotations

from pathlib import Path

from fastloss._aliases import ALIASES
from fastloss.registry import SHORT_NAMES, every_class

README = Path(__file__).parents[1] / "README.md"


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


def names_elsewhere() -> str:
    """What is called otherwise elsewhere, by its name here."""
    others: dict[str, list[str]] = {}
    for alias, own in ALIASES.items():
        others.setdefault(own, []).append(alias)
    lines = ["| here | elsewhere |", "|---|---|"]
    lines += [f"| `fl.{own}` | {', '.join(f'`{alias}`' for alias in aliases)} |" for own, aliases in others.items()]
    return "\n".join(lines) + "\n"


def placed(text: str, name: str, content: str) -> str:
    """The text with something between the two comments of a name."""
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
    before, _, rest = text.partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        raise ValueError(f"there is no {begin.strip()} ... {end.strip()}")
    return before + begin + content + end + after


def written(text: str) -> str:
    """The text of the README with the tables in their places."""
    return placed(placed(text, "losses", table()), "names", names_elsewhere())


if __name__ == "__main__":
    README.write_text(written(README.read_text()))
