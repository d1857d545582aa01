"""What a run measured: rows of step, quantity and value in a CSV file, as a run never stopped would have left."""

import csv
from collections.abc import Mapping
from pathlib import Path

from dalip.training.files import replacing

__all__ = ["forget_after", "log"]

_HEADER = "step,quantity,value\n"


def log(path: Path, step: int, values: Mapping[str, float]) -> None:
    """Append what was measured after a step."""
    with path.open("a", newline="", encoding="utf-8") as file:
        if not file.tell():
            file.write(_HEADER)
        csv.writer(file, lineterminator="\n").writerows([step, name, value] for name, value in values.items())


def forget_after(path: Path, step: int) -> None:
    """Drop the rows of steps that a killed run took after its last checkpoint: they are taken again."""
    if not path.exists():
        return
    numbered = [(line.partition(",")[0], line) for line in path.read_text(encoding="utf-8").splitlines()]
    kept = [line + "\n" for number, line in numbered if number.isdecimal() and int(number) <= step]
    with replacing(path) as part:
        part.write_text(_HEADER + "".join(kept), encoding="utf-8")
