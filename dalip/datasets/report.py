"""`Report`: callbacks for items that are skipped while photos and tables are read, and names shown in messages."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from dalip.errors import DalipError, DataError, Skipped
from dalip.files import printable
from dalip.progress import no_report

__all__ = ["Report", "shown"]


def _refuse(skipped: Skipped) -> NoReturn:
    raise skipped.error


@dataclass(frozen=True)
class Report:
    """Receives problems while the rest is read; by default, the first skipped item is raised as an error."""

    on_skip: Callable[[Skipped], None] = _refuse
    """Receives each skipped file, row or archive member."""
    on_note: Callable[[DataError], None] = no_report
    """Receives notes that users should see, although nothing that was meant to be used was skipped."""
    verbose: bool = False
    """Whether files that are not photos, or hidden, are noted one by one."""

    def skip(self, source: str, kind: str, **facts: object) -> None:
        """Report a skipped item."""
        self.on_skip(Skipped.of(source, DataError(kind, **facts)))

    def skip_for(self, source: str, error: DalipError) -> None:
        """Report a skipped item, for an error whose raiser does not know the source."""
        self.on_skip(Skipped(source, error.about(source)))

    def note(self, source: str, kind: str, **facts: object) -> None:
        """Report something that users should know."""
        self.on_note(DataError(kind, source=source, **facts))


def shown(name: str | Path) -> str:
    """Return a name for a message, on one line and of limited length."""
    text = printable(name) or "''"
    return text if len(text) <= 250 else f"{text[:120]}…{text[-120:]}"
