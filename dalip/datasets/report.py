"""Where the reading of photos and tables reports what it leaves out, and how names are written in such reports."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from dalip.errors import DalipError, DataError, Skipped
from dalip.progress import no_report

__all__ = ["Report", "shown"]


def _refuse(skipped: Skipped) -> NoReturn:
    raise skipped.error


@dataclass(frozen=True)
class Report:
    """Takes what is found wrong while the rest is read; as it comes, the first thing that is left out is an error."""

    on_skip: Callable[[Skipped], None] = _refuse
    """Takes what is left out: a file, a row, a member of an archive."""
    on_note: Callable[[DataError], None] = no_report
    """Takes what should be known, though nothing that was meant to be used is left out for it."""

    def skip(self, source: str, kind: str, **facts: object) -> None:
        """Report that something is left out."""
        self.on_skip(Skipped.of(source, DataError(kind, **facts)))

    def skip_for(self, source: str, error: DalipError) -> None:
        """Report that something is left out, for an error whose raiser does not know what it is about."""
        self.on_skip(Skipped(source, error.about(source)))

    def note(self, source: str, kind: str, **facts: object) -> None:
        """Report what should be known."""
        self.on_note(DataError(kind, source=source, **facts))


def shown(name: str | Path) -> str:
    """Give a name for a message, which has one line and is not endless."""
    text = str(name)
    text = text if text.isprintable() and text else repr(text)
    return text if len(text) <= 250 else f"{text[:120]}…{text[-120:]}"
