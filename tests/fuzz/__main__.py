"""The campaign, `make fuzz`: bounded and seeded, with a table of its results.

make fuzz                                        every kind, 1,000 cases each
make fuzz ARGS="--cases 10000 --kind images"     ten thousand images
make fuzz ARGS="--seconds 600 --seed 7"          as many as possible in ten minutes, with other cases
make fuzz ARGS="--first 1000"                    go on after the first 1,000 cases of each kind
make fuzz ARGS="--replay build/fuzz/images-0-17.zip"
"""

import argparse
import re
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from dalip.cpus import available_cpus  # noqa: E402
from dalip.quiet import ignore_pillow_warnings  # noqa: E402
from tests.fuzz.campaign import BATCH, STOPPING, Failure, Tally, replay, run  # noqa: E402
from tests.fuzz.kinds import KINDS  # noqa: E402
from tests.fuzz.requests import REQUESTS, replay_request, run_requests  # noqa: E402

KEEP = ROOT / "build" / "fuzz"
HEADER = (
    "kind",
    "cases",
    "refused",
    "crashes",
    "tracebacks",
    "slow",
    "memory",
    "peak MB",
    "slowest s",
    "seconds",
)


def main() -> int:
    """Run the campaign; the exit status is 1 if a case failed."""
    kinds = {kind.name: kind for kind in (*KINDS, REQUESTS)}
    parser = argparse.ArgumentParser(
        "make fuzz", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kind", action="append", choices=kinds, help="only this kind; repeatable")
    parser.add_argument("--cases", type=int, default=1000, help="cases of each kind (default: 1000)")
    parser.add_argument("--seconds", type=float, default=0, help="how long, in equal parts for all kinds")
    parser.add_argument("--seed", type=int, default=0, help="another seed makes other cases")
    parser.add_argument("--first", type=int, default=0, help="number of the first case (default: 0)")
    parser.add_argument("--jobs", type=int, default=available_cpus(), help="processes at the same time")
    parser.add_argument(
        "--replay", type=Path, metavar="FILE", help="use a case that failed, and show its error"
    )
    asked = parser.parse_args()
    ignore_pillow_warnings()
    for number in (signal.SIGINT, signal.SIGTERM):  # the table is printed then
        signal.signal(number, lambda *_: STOPPING.set())
    if asked.replay and asked.replay.name.startswith(REQUESTS.name):
        print(replay_request(asked.replay))
    elif asked.replay:
        replay(asked.replay, KINDS)
    if asked.replay:
        return 0
    print(_line(*HEADER))
    failures: list[Failure] = []
    wanted = asked.kind or list(kinds)
    for name in wanted:
        until = time.monotonic() + asked.seconds / len(wanted) if asked.seconds else float("inf")
        batches = _batches(asked.first, 10**9 if asked.seconds else asked.cases, until)
        if kinds[name] is REQUESTS:
            tally = run_requests(batches, asked.seed, KEEP)
        else:
            tally = run(kinds[name], batches, asked.seed, asked.jobs, KEEP)
        print(_row(tally), flush=True)
        failures += tally.failures
        if tally.stopped:
            print("stopped before the end")
            break
    for line in _summary(failures):
        print(line)
    return int(bool(failures) or tally.stopped)


def _batches(first: int, cases: int, until: float) -> Iterator[range]:
    for start in range(first, first + cases, BATCH):
        if time.monotonic() > until:
            return
        yield range(start, min(start + BATCH, first + cases))


def _line(name: str, *cells: str) -> str:
    return name.ljust(11) + "".join(cell.rjust(11) for cell in cells)


def _row(tally: Tally) -> str:
    counts = [f"{tally.count(how):,}" for how in ("crash", "traceback", "slow", "memory")]
    used = f"{tally.peak:,}", f"{tally.slowest:.2f}", f"{tally.seconds:.1f}"
    return _line(tally.kind.name, f"{tally.cases:,}", f"{tally.refused:,}", *counts, *used)


def _summary(failures: list[Failure]) -> Iterator[str]:
    """Yield each failure once, with the number of cases that fail alike, and how to replay the first."""
    alike: dict[tuple[str, str, str], list[Failure]] = {}
    for failure in failures:
        about = re.sub(r"[0-9a-f]{8,}|\d+", "#", failure.about) if failure.how == "traceback" else ""
        alike.setdefault((failure.kind, failure.how, about), []).append(failure)
    for (kind, how, _), some in sorted(alike.items()):
        first = some[0]
        yield f"{len(some)} x {kind}, {how}: {first.about}"
        yield f'    make fuzz ARGS="--replay {KEEP.relative_to(ROOT)}/{kind}-{first.seed}-{first.number}.zip"'


if __name__ == "__main__":
    sys.exit(main())
