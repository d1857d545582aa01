"""Callbacks for progress and for skipped items: the `Progress` protocol, and callbacks that do nothing."""

from typing import Protocol

__all__ = ["Progress", "no_progress", "no_report"]


class Progress(Protocol):
    """Callback that reports the progress of a long operation."""

    def __call__(self, stage: str, done: int, total: int, /) -> None:
        """Receive a progress report.

        Args:
            stage: The current stage, such as `photos`.
            done: Number of finished items.
            total: Total number of items; 0 if unknown.
        """


def no_progress(stage: str, done: int, total: int, /) -> None:
    """Ignore a progress report."""


def no_report(what: object, /) -> None:
    """Ignore a message or a skipped item."""
