"""Shared by the tests of reading and packing: functions that write sources, and a recorder of reported messages."""

import zipfile
from collections.abc import Mapping
from pathlib import Path

from wording import said

from dalip.datasets import Record, Report, read_records
from dalip.errors import DataError

PHOTO = b"\xff\xd8\xff not looked into here"


class Heard:
    """Reads sources and records the reported messages."""

    def __init__(self) -> None:
        self.faults: list[str] = []
        self.notes: list[str] = []

    @property
    def report(self) -> Report:
        return Report(lambda skipped: self.faults.append(said(skipped.error)), self._note)

    def _note(self, note: DataError) -> None:
        self.notes.append(said(note))

    def read(self, *sources: Path, photos: Path | None = None) -> dict[str, Record]:
        records = read_records(*sources, photos=photos, report=self.report)
        assert all("\n" not in line for line in self.faults + self.notes)
        return {record.key: record for record in records}


def write(folder: Path, files: Mapping[str, bytes | str]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def write_zip(path: Path, files: Mapping[str, bytes | str]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path
