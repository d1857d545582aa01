"""A small slice of the campaign `make fuzz`, and what the campaign does with failures."""

import os
import random
import signal
import sys
import time
from pathlib import Path

import pytest

from dalip.errors import DataError
from tests.fuzz import campaign
from tests.fuzz.campaign import replay, run
from tests.fuzz.cases import Case, Kind
from tests.fuzz.kinds import KINDS
from tests.fuzz.requests import run_requests

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")

SLICE = 40
"""Cases of each kind in every test run; `make fuzz` tries thousands."""


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_mutated_files_are_read_or_refused(kind: Kind, tmp_path: Path) -> None:
    tally = run(kind, iter([range(SLICE)]), seed=1, jobs=1, keep=tmp_path)
    assert tally.cases == SLICE
    assert tally.failures == []


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
        bytearray(200_000_000)[::4096] = b"x" * len(range(0, 200_000_000, 4096))
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


def test_a_kept_case_can_be_replayed(tmp_path: Path) -> None:
    case = Case({"a b/ü.csv": b"\0\xff", "next to it.jpg": b""})
    case.save(tmp_path / "odd-0-7.zip")
    seen: list[tuple[str, bytes, bool]] = []

    def use(path: Path) -> None:
        seen.append((path.name, path.read_bytes(), (path.parents[1] / "next to it.jpg").exists()))

    replay(tmp_path / "odd-0-7.zip", [Kind("odd", lambda rng: case, use, 1)])
    assert seen == [("ü.csv", b"\0\xff", True)]
