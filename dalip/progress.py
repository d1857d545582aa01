"""Progress of long operations: the protocol of its callback."""

from typing import Protocol

__all__ = ["Progress", "no_progress"]


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
