"""The number of CPUs is at least one, and never more than the container's quota."""

import os
from pathlib import Path

import pytest

from dalip.cpus import available_cpus


@pytest.mark.parametrize(
    ("quota", "most"),
    [
        ("max 100000", 10**6),
        ("150000 100000", 2),
        ("50000 100000", 1),
        ("", 10**6),
        ("not two numbers", 10**6),
    ],
)
def test_a_quota_is_respected(monkeypatch: pytest.MonkeyPatch, quota: str, most: int) -> None:
    monkeypatch.setattr(Path, "read_text", lambda path: quota)
    assert 1 <= available_cpus() <= min(most, os.cpu_count() or 1)


def test_without_a_quota_all_cpus_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(path: Path) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", missing)
    assert 1 <= available_cpus() <= (os.cpu_count() or 1)
