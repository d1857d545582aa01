"""Print the tables of a benchmark, or write them into the page that shows them."""

import re
from pathlib import Path


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
