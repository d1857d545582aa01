"""Errors of writing that a test cannot cause on a real disk: a quota that is used up, and a disk that fails."""

import errno
import os
import sqlite3
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from wording import said

from dalip.disk import find_write_fault, is_write_fault, write_fault

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no quotas of this sort")


def failing(number: int) -> Callable[..., Any]:
    """Return a function that fails with an error of the system."""

    def fail(*arguments: object, **options: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


CAUSES = {
    errno.EDQUOT: "your disk quota for {folder} is used up; delete some files, or choose a folder on another disk",
    errno.EIO: "{path} cannot be written (Input/output error); check the disk and the folder",
}


@pytest.mark.parametrize("number", CAUSES)
def test_a_used_up_quota_and_a_failing_disk(tmp_path: Path, number: int) -> None:
    path = tmp_path / "new" / "photo.jpg"
    fault = write_fault(path, OSError(number, os.strerror(number)))
    assert said(fault) == CAUSES[number].format(folder=tmp_path, path=path)


def test_only_writing_uses_up_a_quota_but_reading_fails_as_well() -> None:
    assert is_write_fault(OSError(errno.EDQUOT, ""))
    assert not is_write_fault(OSError(errno.EIO, ""))


@pytest.mark.parametrize("number", CAUSES)
def test_the_cause_is_found_where_the_error_lacks_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(tempfile, "TemporaryFile", failing(number))
    wanted = CAUSES[number].format(folder=tmp_path, path=tmp_path).replace("(Input/output", "(disk I/O")
    assert said(write_fault(tmp_path, sqlite3.OperationalError("disk I/O error"))) == wanted
    fault = find_write_fault(tmp_path)
    assert fault
    assert said(fault) == CAUSES[number].format(folder=tmp_path, path=tmp_path)
