"""Ctrl-C in training: heeded between two steps, where a run can be saved."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any

__all__ = ["Interrupts"]


class Interrupts:
    """Hold Ctrl-C back while a step is taken; a second one ends it at once."""

    def __init__(self) -> None:
        """Hold nothing back yet."""
        self.between_steps = True
        """False where a second Ctrl-C has left a step half taken."""
        self._held = self._asked = False

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
            KeyboardInterrupt: At the end, if it was pressed meanwhile.
        """
        self._held = True
        try:
            yield
        finally:
            self._held = False
        if self._asked:
            raise KeyboardInterrupt

    def _handle(self, *_: Any) -> None:
        if self._held and not self._asked:
            self._asked = True
            return
        self.between_steps = not self._held
        raise KeyboardInterrupt
