"""Log losses and metrics to a CSV file and to TensorBoard."""

import csv
from collections.abc import Callable, Mapping
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter

from dalip.csv_rows import csv_row
from dalip.errors import DalipError
from dalip.files import atomic_write

__all__ = ["Log", "ReportLine", "read_log"]

ReportLine = Callable[[str | DalipError], None]
"""Called with one line of progress at a time, or with the reason why something was skipped."""

_HEADER = "step,quantity,value\n"


class Log:
    """The measurements of a run, the same as if the run had never been interrupted."""

    def __init__(self, run: Path, step: int) -> None:
        """Resume the log of a run.

        Args:
            run: The run's folder, which will contain `log.csv` and `tensorboard/`.
            step: Last step of the run's checkpoint. Later measurements of a killed run are dropped, because these steps
                are repeated.
        """
        self.path = run / "log.csv"
        self._drop_after(step)
        self._board = SummaryWriter(str(run / "tensorboard"), purge_step=step + 1)

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Append the measurements of a step."""
        with self.path.open("a", newline="", encoding="utf-8") as file:
            if not file.tell():
                file.write(_HEADER)
            file.writelines(f"{csv_row((step, name, value))}\n" for name, value in values.items())
        for name, value in values.items():
            self._board.add_scalar(name, value, step)

    def close(self) -> None:
        """Flush and close TensorBoard's writer."""
        self._board.close()

    def _drop_after(self, step: int) -> None:
        if not self.path.exists():
            return
        lines = self.path.read_text(encoding="utf-8").splitlines()
        numbered = [(line.partition(",")[0], line) for line in lines]
        kept = [line + "\n" for number, line in numbered if number.isdecimal() and int(number) <= step]
        with atomic_write(self.path) as part:
            part.write_text(_HEADER + "".join(kept), encoding="utf-8")


def read_log(run: Path) -> dict[str, list[tuple[int, float]]]:
    """Read the measurements of a run: steps and values by quantity."""
    found: dict[str, list[tuple[int, float]]] = {}
    with (run / "log.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            found.setdefault(row["quantity"], []).append((int(row["step"]), float(row["value"])))
    return found
