"""Finds phrases of `phrases.txt` in what people read: the Markdown pages, and the docstrings, comments and messages of
`dags/`, `plugins/`, `devstack/` and `benchmarks/`.

    python docs/prose.py    ends with 1 and shows each place when there is one

Decisions are left out: a record is not edited later. codespell checks single words (`words.txt`).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
GAP = r"[\s#\"']+"
"""Between two words: the end of a line, the mark of a comment, a message that goes on in another literal."""


def phrases(text: str) -> dict[re.Pattern[str], str]:
    """Phrases to avoid, each with its replacement. Raises ValueError for a line without an arrow."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    pairs = [line.split(" -> ", 1) for line in lines]
    wrong = [pair[0] for pair in pairs if len(pair) != 2]
    if wrong:
        raise ValueError(f"phrases.txt: no ` -> ` after {wrong[0]!r}")
    return {
        re.compile(rf"(?<!\w)(?:{said})(?!\w)".replace(" ", GAP), re.IGNORECASE): instead for said, instead in pairs
    }


def found(text: str, unwanted: Mapping[re.Pattern[str], str]) -> Iterator[tuple[int, str, str]]:
    """Line, phrase and replacement, from top to bottom."""
    places = [(match, instead) for pattern, instead in unwanted.items() for match in pattern.finditer(text)]
    for match, instead in sorted(places, key=lambda place: place[0].start()):
        yield text.count("\n", 0, match.start()) + 1, " ".join(match[0].split()), instead


def pages() -> Iterator[Path]:
    """The files that are checked."""
    yield from sorted(ROOT.glob("*.md"))
    yield from sorted(path for path in (ROOT / "docs").rglob("*.md") if path.parent.name != "decisions")
    for room in ("dags", "plugins", "devstack", "benchmarks"):
        yield from sorted((ROOT / room).rglob("*.py"))


def main() -> int:
    """Show every phrase that should not be there; 1 when there is one."""
    unwanted = phrases((ROOT / "docs" / "phrases.txt").read_text(encoding="utf-8"))
    lines = [
        f"{path.relative_to(ROOT)}:{line}: {phrase!r}; say: {instead}\n"
        for path in pages()
        for line, phrase, instead in found(path.read_text(encoding="utf-8"), unwanted)
    ]
    sys.stdout.writelines(lines)
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
