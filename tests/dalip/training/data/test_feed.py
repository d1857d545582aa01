"""Cached features are computed by one run at a time."""

from pathlib import Path

from filelock import FileLock
from wording import said

from dalip.errors import DalipError
from dalip.training.data.feed import _alone


def test_a_second_run_says_that_it_waits_for_the_first(tmp_path: Path) -> None:
    first, told = FileLock(tmp_path / "lock"), list[str]()

    def report(line: str | DalipError) -> None:
        told.append(said(line) if isinstance(line, DalipError) else line)
        first.release()

    first.acquire()
    with _alone(tmp_path, report):
        assert told == [f"{tmp_path}: another run is computing features here; this run waits for it"]
    with _alone(tmp_path, report):
        assert len(told) == 1
