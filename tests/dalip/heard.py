"""What tests of packing share: sources made here, and what is said when they are read."""

import zipfile
from collections.abc import Mapping
from pathlib import Path

from dalip.datasets.photo_location import Item
from dalip.datasets.reader import read_items

PHOTO = b"\xff\xd8\xff not looked into here"


class Heard:
    """Reads sources, and keeps what was said."""

    def __init__(self) -> None:
        self.faults: list[str] = []
        self.notes: list[str] = []

    def read(self, *sources: Path, photos: Path | None = None) -> dict[str, Item]:
        items = read_items(sources, photos=photos, fault=self.faults.append, note=self.notes.append)
        assert all("\n" not in line for line in self.faults + self.notes)
        return {item.key: item for item in items}


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
