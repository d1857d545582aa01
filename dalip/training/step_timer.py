"""Report loss, speed and time left every ten seconds."""

import time

from dalip.training.log import ReportLine

__all__ = ["StepTimer"]

_SECONDS = 10


class StepTimer:
    """Report loss, speed and time left after the first step, then every ten seconds, and after the last step."""

    def __init__(self, step: int, total: int, batch_size: int, report: ReportLine) -> None:
        """Start the clock.

        Args:
            step: Steps already done.
            total: Steps of the whole run.
            batch_size: Pairs per step.
            report: Called with one line at a time.
        """
        self._first, self._total, self._batch_size, self._report = step, total, batch_size, report
        self._started = self._said = time.monotonic()
        self._losses: list[float] = []

    @property
    def seconds(self) -> float:
        """Time since the clock was started."""
        return time.monotonic() - self._started

    def count(self, step: int, loss: float) -> None:
        """Count step number `step`, and report if it is time to."""
        self._losses.append(loss)
        now = time.monotonic()
        if step not in (self._first + 1, self._total) and now - self._said < _SECONDS:
            return
        rate = (now - self._started) / (step - self._first)
        self._report(
            f"step {step}/{self._total}  loss {sum(self._losses) / len(self._losses):.4f}  {rate:.2f} s/step  "
            f"{self._batch_size / rate:.0f} photos/s  {rate * (self._total - step) / 60:.0f} min left"
        )
        self._said = now
        self._losses.clear()
