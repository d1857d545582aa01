"""Handle Ctrl-C in training: stop between two steps, when a run can be saved."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any

__all__ = ["Interrupts"]


class Interrupts:
    """Defer Ctrl-C to the end of a step; a second Ctrl-C stops immediately.

    One of several processes never stops alone, because the others would wait for it. It defers Ctrl-C between steps as
    well, until all processes know of it (`asked`).
    """

    def __init__(self, *, alone: bool) -> None:
        """Start without deferring; `alone` is false for one of several processes."""
        self.between_steps = True
        """False if a second Ctrl-C interrupted a step."""
        self.asked = False
        """True if Ctrl-C was pressed and deferred."""
        self._alone, self._held = alone, False

    @contextlib.contextmanager
    def handled(self) -> Iterator[None]:
        """Handle Ctrl-C; does nothing outside the main thread, because Python delivers signals only there."""
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
        """Defer Ctrl-C.

        Raises:
            KeyboardInterrupt: On exit, if Ctrl-C was pressed meanwhile in a process that trains alone.
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
