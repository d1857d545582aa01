"""Progress of long operations, and what they did not use: the protocol of the callback, and those that do nothing."""

from typing import Protocol

__all__ = ["Progress", "no_progress", "no_report"]


class Progress(Protocol):
    """Callback that reports the progress of a long operation."""

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
