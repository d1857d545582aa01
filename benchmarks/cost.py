"""Measure the time, memory and size of an encoder with its flora, as a user meets them.

    python benchmarks/cost.py PHOTO [NAME=ENCODER,FLORA ...] [--runs 5]

Prints a table, with the built-in encoder and flora if none are named. Cold start: the whole process of `dalip identify
--json PHOTO`. Warm: the median time of ten answers for the same photo in one process that has answered before, and that
process's peak memory. Each is the median of several processes, with the range; pairs take turns, so that other work on
the machine slows all of them alike.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from tables import make_table

from dalip_assets import ENCODER, FLORA

ANSWERS = 10
COMMAND = "import sys; from dalip_app.cli.main import main; main()"
WARM = """
import json, resource, statistics, sys, time
from pathlib import Path
from dalip_index import load_flora

photo, encoder, flora = map(Path, sys.argv[1:4])
known = load_flora(flora, encoder)
times = []
for _ in range(int(sys.argv[4]) + 1):
    started = time.perf_counter()
    for answer in known.identify([photo]):
        answer.to_dict()
    times.append(time.perf_counter() - started)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps([1000 * statistics.median(times[1:]), peak / (1 if sys.platform == "darwin" else 1024)]))
"""


def cold(photo: Path, encoder: Path, flora: Path) -> float:
    """Return the seconds of a whole process that identifies one photo."""
    options = ["identify", "--json", "--encoder", str(encoder), "--flora", str(flora), str(photo)]
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", COMMAND, *options], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def warm(photo: Path, encoder: Path, flora: Path) -> tuple[float, float]:
    """Return the milliseconds of an answer in a process that has answered before, and its peak memory in MB."""
    given = [str(path) for path in (photo, encoder, flora)]
    done = subprocess.run(
        [sys.executable, "-c", WARM, *given, str(ANSWERS)], check=True, stdout=subprocess.PIPE, text=True
    )
    milliseconds, memory = json.loads(done.stdout)
    return milliseconds, memory


def size(folder: Path) -> float:
    """Return the megabytes of the files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def spread(values: list[float], places: int) -> str:
    """Format the median and the range."""
    return f"{median(values):.{places}f} ({min(values):.{places}f}–{max(values):.{places}f})"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photo", type=Path)
    parser.add_argument("pairs", nargs="*", metavar="NAME=ENCODER,FLORA")
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    pairs = {
        name: tuple(map(Path, folders.split(",")))
        for name, _, folders in (given.partition("=") for given in arguments.pairs)
    } or {"built-in": (ENCODER, FLORA)}
    found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in pairs}
    for _ in range(arguments.runs):
        for name, (encoder, flora) in pairs.items():
            found[name].append(
                (cold(arguments.photo, encoder, flora), *warm(arguments.photo, encoder, flora))
            )
    rows = []
    for name, runs in found.items():
        starts, answers, memory = (list(column) for column in zip(*runs, strict=True))
        encoder, flora = (size(folder) for folder in pairs[name])
        rows.append(
            {
                "encoder and flora": name,
                "cold start, s": spread(starts, 2),
                "warm, ms per photo": spread(answers, 1),
                "peak memory, MB": spread(memory, 0),
                "encoder, MB": encoder,
                "flora, MB": flora,
            }
        )
    print("\n".join(make_table(rows)))


if __name__ == "__main__":
    main()
