"""Handle Ctrl-C in training: stop between two steps, where a run can be saved."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any

__all__ = ["Interrupts"]


class Interrupts:
    """Hold Ctrl-C back while a step is taken; a second one ends it at once.

    One of several processes never stops by itself, for the others would wait for it: it holds Ctrl-C back between
    steps, too, until all have been told (`asked`).
    """

    def __init__(self, *, alone: bool) -> None:
        """Hold nothing back yet, in a process that trains alone or in one of several."""
        self.between_steps = True
        """False where a second Ctrl-C has left a step half taken."""
        self.asked = False
        """True where Ctrl-C was pressed and held back."""
        self._alone, self._held = alone, False

    @contextlib.contextmanager
    def handled(self) -> Iterator[None]:
        """Take Ctrl-C over; where Python delivers signals to another thread, do nothing."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.signal(signal.SIGINT, self._handle)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold Ctrl-C back.

        Raises:
            KeyboardInterrupt: At the end, if it was pressed meanwhile in a process that trains alone.
        """
        self._held = True
        try:
            yield
        finally:
            self._held = False
        if self.asked and self._alone:
            raise KeyboardInterrupt

    def _handle(self, *_: Any) -> None:
        if not self.asked and (self._held or not self._alone):
            self.asked = True
            return
        self.between_steps = not self._held
        raise KeyboardInterrupt
