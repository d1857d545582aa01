"""Sources of labelled photos find photos by their content, and note what they do not use."""

import os
import zipfile
from pathlib import Path

import pytest
from hostile_images import photo
from wording import said

from dalip.datasets import Report, read_records
from dalip.errors import DataError, Skipped


def save(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    photo().save(path, "JPEG")
    return path


@pytest.fixture
def garden(tmp_path: Path) -> Path:
    folder = tmp_path / "garden"
    for name in ("Rosa canina/1.jpg", "Rosa canina/2", "Viola/3.txt", "Viola/4.JFIF", "Viola/@eaDir/5.jpg"):
        save(folder / name)
    (folder / "Viola" / "notes.txt").write_text("no photo")
    (folder / "Viola" / "1.json").write_text("{}")
    return folder


def read(source: Path, *, verbose: bool = False) -> tuple[list[str], list[str], list[Skipped]]:
    notes, faults = list[DataError](), list[Skipped]()
    records = read_records(source, report=Report(faults.append, notes.append, verbose))
    return [record.key for record in records], [said(note) for note in notes], faults


PHOTOS = ["Rosa canina/1.jpg", "Rosa canina/2", "Viola/3.txt", "Viola/4.JFIF"]


def test_photos_without_their_extension_on_disk_and_in_an_archive(garden: Path, tmp_path: Path) -> None:
    keys, notes, faults = read(garden)
    assert (keys, faults) == (PHOTOS, [])
    assert notes == [
        f"{garden}: 1 hidden or system file or folder was left out",
        f"{garden}: 2 files are not photos (1 .json, 1 .txt)",
    ]
    with zipfile.ZipFile(tmp_path / "garden.zip", "w") as archive:
        for name in [*PHOTOS, "Viola/notes.txt"]:
            archive.write(garden / name, name)
    keys, notes, faults = read(tmp_path / "garden.zip")
    assert (keys, faults) == (PHOTOS, [])
    assert notes == [f"{tmp_path}/garden.zip: 1 file is not a photo (1 .txt)"]
    with zipfile.ZipFile(tmp_path / "one.zip", "w") as archive:
        archive.write(garden / "Rosa canina" / "2", "Rosa canina/2")
    assert read(tmp_path / "one.zip")[0] == ["Rosa canina/2"]


def test_each_file_that_is_not_used_is_listed_on_request(garden: Path) -> None:
    _, notes, _ = read(garden, verbose=True)
    assert {f"{garden}/Viola/{name}: this file is not a photo" for name in ("1.json", "notes.txt")} < {*notes}
    assert f"{garden}/Viola/@eaDir: this is a hidden or system file or folder, and was left out" in notes


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_may_be_a_photo_but_cannot_be_read_is_reported(garden: Path) -> None:
    (garden / "Rosa canina" / "2").chmod(0)
    keys, _, (fault,) = read(garden)
    assert keys == [name for name in PHOTOS if name != "Rosa canina/2"]
    assert fault.error.kind == "image-not-opened"
