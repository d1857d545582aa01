"""Measure the time, memory and size of an encoder with its flora, as a user meets them.

    python benchmarks/cost.py PHOTO [NAME=ENCODER,FLORA ...] [--runs 5]

Prints a table, with the built-in encoder and flora if none are named. Cold start: the whole process of `dalip identify
--json PHOTO`. Warm: the median time of ten answers for the same photo in one process that has answered before, and that
process's peak memory. Each is the median of several processes, with the range; pairs take turns, so that other work on
the machine slows all of them alike. The time of the processors is hardly affected by other work.
"""

import argparse
import json
import resource
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
    started = time.perf_counter(), time.process_time()
    for answer in known.identify([photo]):
        answer.to_dict()
    times.append((time.perf_counter() - started[0], time.process_time() - started[1]))
wall, busy = (1000 * statistics.median(column) for column in zip(*times[1:]))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
print(json.dumps({"warm, ms": wall, "warm, processor ms": busy, "peak memory, MiB": peak}))
"""


def cold(photo: Path, encoder: Path, flora: Path) -> dict[str, float]:
    """Return the seconds of a whole process that identifies one photo."""
    options = ["identify", "--json", "--encoder", str(encoder), "--flora", str(flora), str(photo)]
    started, before = time.perf_counter(), _children()
    subprocess.run(
        [sys.executable, "-c", COMMAND, *options],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return {"cold start, s": time.perf_counter() - started, "cold start, processor s": _children() - before}


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def warm(photo: Path, encoder: Path, flora: Path) -> dict[str, float]:
    """Return the milliseconds of an answer in a process that has answered before, and its peak memory."""
    given = [str(path) for path in (photo, encoder, flora)]
    done = subprocess.run(
        [sys.executable, "-c", WARM, *given, str(ANSWERS)], check=True, stdout=subprocess.PIPE, text=True
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def size(folder: Path) -> float:
    """Return the megabytes of the files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def spread(values: list[float]) -> str:
    """Format the median and the range."""
    places = 2 if max(values) < 20 else 0
    return f"{median(values):.{places}f} ({min(values):.{places}f}–{max(values):.{places}f})"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photo", type=Path)
    parser.add_argument("pairs", nargs="*", metavar="NAME=ENCODER,FLORA")
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    pairs: dict[str, tuple[Path, Path]] = {"built-in": (ENCODER, FLORA)}
    if arguments.pairs:
        given = {name: folders.split(",") for name, _, folders in (p.partition("=") for p in arguments.pairs)}
        pairs = {name: (Path(encoder), Path(flora)) for name, (encoder, flora) in given.items()}
    found: dict[str, list[dict[str, float]]] = {name: [] for name in pairs}
    for _ in range(arguments.runs):
        for name, folders in pairs.items():
            found[name].append(cold(arguments.photo, *folders) | warm(arguments.photo, *folders))
    rows = [
        {
            "encoder and flora": name,
            **{measure: spread([run[measure] for run in runs]) for measure in runs[0]},
            **dict(zip(("encoder, MB", "flora, MB"), map(size, pairs[name]), strict=True)),
        }
        for name, runs in found.items()
    ]
    print("\n".join(make_table(rows)))


if __name__ == "__main__":
    main()
