"""A small slice of the campaign `make fuzz`, and what the campaign does with failures."""

import mmap
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from paths import ROOT

from dalip.errors import DataError
from tests.fuzz import campaign
from tests.fuzz.campaign import replay, run
from tests.fuzz.cases import Case, Kind
from tests.fuzz.kinds import KINDS
from tests.fuzz.requests import run_requests

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")

SLICE = 40
"""Cases of each kind in every test run; `make fuzz` tries thousands."""


def test_mutated_files_are_read_or_refused() -> None:
    # In a new process: image encoders of earlier tests leave threads behind, and a fork of this one could hang.
    options = "--cases", str(SLICE), "--seed", "1", "--jobs", "1"
    kinds = [option for kind in KINDS for option in ("--kind", kind.name)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", *kinds, *options], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done
    _, *rows = done.stdout.splitlines()
    assert [row.split()[:2] for row in rows] == [[kind.name, str(SLICE)] for kind in KINDS]


def test_requests_end_neither_the_server_nor_its_patience(tmp_path: Path) -> None:
    tally = run_requests(iter([range(SLICE)]), seed=1, keep=tmp_path)
    assert tally.cases == SLICE
    assert tally.refused > 0
    assert tally.failures == []


def test_the_same_seed_makes_the_same_cases() -> None:
    for kind in KINDS:
        one, same, other = (campaign.case_of(kind, seed, 3) for seed in (1, 1, 2))
        assert one == same
        assert one != other


def act(number: int) -> None:
    """Fail in another way for each number."""
    if number == 1:
        raise DataError("no-records")
    if number == 2:
        raise ZeroDivisionError("two")
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    if number == 4:
        # Not from the heap, where a process that has trained has freed memory to use again.
        with mmap.mmap(-1, 200_000_000) as pages:
            for start in range(0, len(pages), mmap.PAGESIZE):
                pages[start] = 1
    if number == 5:
        time.sleep(60)


def test_each_failure_is_blamed_on_its_case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(campaign, "SLOW", 0.5)

    def make(rng: random.Random) -> Case:
        return Case.of("n", b"x")

    numbers = [0, 1, 2, 3, 4, 5, 6]
    kind = Kind(
        "odd", make, lambda path: act(int(path.parent.name) if path.parent.name.isdecimal() else 0), 50
    )
    tally = run(kind, iter([numbers]), seed=0, jobs=1, keep=tmp_path)
    assert (tally.cases, tally.refused) == (7, 1)
    found = {failure.number: failure.how for failure in tally.failures}
    assert found == {2: "traceback", 3: "crash", 4: "memory", 5: "slow"}
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"odd-0-{number}.zip" for number in (2, 3, 4, 5)
    ]


def test_address_space_of_the_parent_counts_for_no_case() -> None:
    kind = Kind("big", lambda rng: Case.of("n", bytes(100)), lambda path: act(4), 300)
    with mmap.mmap(-1, 20_000_000_000, mmap.MAP_PRIVATE, mmap.PROT_READ):
        tally = run(kind, iter([range(2)]), seed=0, jobs=1, keep=None)
    assert tally.failures == []
    assert 150 < tally.peak < 300


@pytest.mark.parametrize(
    ("kind", "number"),
    [
        ("images", signal.SIGINT),
        ("images", signal.SIGTERM),
        pytest.param("requests", signal.SIGTERM, marks=pytest.mark.slow),
    ],
)
def test_a_campaign_that_is_stopped_prints_its_table(kind: str, number: int, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.fuzz", "--kind", kind, "--seconds", "500", "--jobs", "1"],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert "slowest" in process.stdout.readline()
    while not (kind == "images" or next(tmp_path.glob("*/0/log.txt"), None)):
        time.sleep(0.05)
    process.send_signal(number)
    row, stopped = process.stdout.read().splitlines()[:2]
    assert row.startswith(kind)
    assert stopped == "stopped before the end"
    assert process.wait() == 1
    assert not list(tmp_path.glob("dalip-fuzz-*"))


def test_a_kept_case_can_be_replayed(tmp_path: Path) -> None:
    case = Case({"a b/ü.csv": b"\0\xff", "next to it.jpg": b""})
    case.save(tmp_path / "odd-0-7.zip")
    seen: list[tuple[str, bytes, bool]] = []

    def use(path: Path) -> None:
        seen.append((path.name, path.read_bytes(), (path.parents[1] / "next to it.jpg").exists()))

    replay(tmp_path / "odd-0-7.zip", [Kind("odd", lambda rng: case, use, 1)])
    assert seen == [("ü.csv", b"\0\xff", True)]
