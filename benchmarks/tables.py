"""Make the tables of a benchmark, and print them or write them into the page that shows them."""

import argparse
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

Row = Mapping[str, object]
"""Cells of a row by column. A tuple is a share and its interval, shown in percent; a float has one decimal."""


def make_table(rows: Sequence[Row]) -> list[str]:
    """Return the lines of a table; the columns are those of the first row."""
    columns = list(rows[0])
    lines = [f"| {' | '.join(columns)} |", f"|---|{'---:|' * (len(columns) - 1)}"]
    return lines + [f"| {' | '.join(cell(row.get(column)) for column in columns)} |" for row in rows]


def cell(value: object) -> str:
    """Format a value: `11.2 (9.4–13.3)` for a share and its interval, in percent."""
    match value:
        case None:
            return "–"
        case tuple():
            share, low, high = (100 * part for part in value)
            return f"{share:.1f} ({low:.1f}–{high:.1f})"
        case float():
            return f"{value:,.1f}"
        case int():
            return f"{value:,}"
    return str(value)


def publish(tables: dict[str, list[str]], page: Path, *, write: bool) -> None:
    """Print tables or, with `write`, put each between `<!-- table: NAME -->` and `<!-- end -->` of a page."""
    if not write:
        print("\n\n".join("\n".join([f"{name}:", *lines]) for name, lines in tables.items()))
        return
    text = page.read_text(encoding="utf-8")
    for name, lines in tables.items():
        block = re.compile(rf"(<!-- table: {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        text = block.sub(lambda m, lines=lines: "\n".join([m[1], *lines, "", m[2]]), text)  # type: ignore[misc]
    page.write_text(text, encoding="utf-8")


def on_photos(about: str | None) -> argparse.ArgumentParser:
    """Return the command line of a benchmark on photos, to which it may add more: `--data` and `--write`."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("--write", action="store_true")
    return parser


@contextmanager
def working_folder(chosen: Path | None) -> Iterator[Path]:
    """Yield the chosen folder, created if needed, or a temporary one that is deleted afterwards."""
    work = chosen or Path(mkdtemp())
    work.mkdir(parents=True, exist_ok=True)
    try:
        yield work
    finally:
        if not chosen:
            rmtree(work)
