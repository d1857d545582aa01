r"""Write rows of CSV: quoting, and cells that a spreadsheet would run as a formula.

A spreadsheet runs text that starts with `=`, `+`, `-`, `@` or their full-width forms, perhaps after white space. Such
text, and text that starts with a tab or line break, gets an apostrophe in front: `'=1+1`. So does text that already has
apostrophes there, so that `unguarded` can undo it. Numbers such as `-122.03` stay numbers.

Source: OWASP, CSV Injection (https://owasp.org/www-community/attacks/CSV_Injection); RFC 4180 for the quoting.
"""

import re
from collections.abc import Iterable

__all__ = ["csv_row", "unguarded"]

_RUN = re.compile("'*(?:[\\s\0\ufeff]*[=+\\-@\uff1d\uff0b\uff0d\uff20]|[\\t\\r\\n])")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
# Also what other programs take for a separator or remove at the ends.
_QUOTED = re.compile('[",;]|[^\\S ]|^ | $')
_BREAKS = re.compile("[\\x00-\\x1f\\x7f-\\x9f\u2028\u2029\ud800-\udfff]")


def csv_row(cells: Iterable[object], *, guard: bool = True, one_line: bool = True) -> str:
    r"""Return a row of CSV, without the line break at its end.

    Args:
        cells: Numbers and texts; `None` is an empty cell.
        guard: Whether to put an apostrophe before text that a spreadsheet would run. Not for tables that only programs
            read, such as those of a Darwin Core Archive.
        one_line: Whether to write line breaks, other control characters and lone surrogates as `\n`, `\x07` and so on,
            so that a row is one line. Otherwise they stay as they are, in quotes.
    """
    return ",".join(_quoted(_text(cell, guard=guard, one_line=one_line)) for cell in cells)


def unguarded(text: str) -> str:
    """Undo what `csv_row` did to a text that a spreadsheet would run; other text is returned unchanged."""
    return text[1:] if text.startswith("'") and _RUN.match(text) else text


def _text(cell: object, *, guard: bool, one_line: bool) -> str:
    text = "" if cell is None else str(cell)
    if guard and not isinstance(cell, int | float) and _RUN.match(text) and not _NUMBER.fullmatch(text):
        text = f"'{text}"
    return _BREAKS.sub(lambda found: found[0].encode("unicode_escape").decode(), text) if one_line else text


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if _QUOTED.search(text) else text
