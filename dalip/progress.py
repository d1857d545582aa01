"""How everything that takes long reports: its progress, and what it did not use."""

from typing import Protocol

__all__ = ["Progress", "no_progress", "no_report"]


class Progress(Protocol):
    """Told how far a piece of work has come."""

    def __call__(self, stage: str, done: int, total: int, /) -> None:
        """Take a report.

        Args:
            stage: What is being done, such as `photos`.
            done: How many are finished.
            total: How many there are; 0 where it is not known.
        """


def no_progress(stage: str, done: int, total: int, /) -> None:
    """Take a report, and say nothing of it."""


def no_report(what: object, /) -> None:
    """Take a line, or what was not used, and say nothing of it."""
