"""A photo is found however its path was written: on another system or computer, or in another folder."""

import unicodedata
from pathlib import Path

import pytest
from wording import refuses

from dalip.datasets import read_named
from dalip.datasets.photo_location import FilePart, ZipMember
from dalip.errors import DataError
from tests.dalip.heard import PHOTO, Heard, write, write_zip

FILES = {
    "a.jpg": PHOTO,
    "sub/B.JPG": PHOTO,
    "sub/Ünïcode é.jpg": PHOTO,
    unicodedata.normalize("NFD", "sub/Iris lutéa.jpg"): PHOTO,
    "50% off.jpg": PHOTO,
}
SAME = {
    ".\\a.jpg": "a.jpg",
    "./a.jpg": "a.jpg",
    "A.JPG": "a.jpg",
    "sub\\B.JPG": "sub/B.JPG",
    "Sub/b.jpg": "sub/B.JPG",
    "sub/%C3%9Cn%C3%AFcode%20%C3%A9.jpg": "sub/Ünïcode é.jpg",
    unicodedata.normalize("NFD", "sub/Ünïcode é.jpg"): "sub/Ünïcode é.jpg",
    "sub/Iris lutéa.jpg": unicodedata.normalize("NFD", "sub/Iris lutéa.jpg"),
    "50% off.jpg": "50% off.jpg",
}
ELSEWHERE = {
    "C:\\Users\\ann\\Pictures\\a.jpg": "a.jpg",
    "/home/ann/photos/sub/B.JPG": "sub/B.JPG",
    "file:///C:/Users/ann/sub/b.jpg": "sub/B.JPG",
    "file:///home/ann/50%25%20off.jpg": "50% off.jpg",
    "\\\\server\\share\\a.jpg": "a.jpg",
    "B.JPG": "sub/B.JPG",
}


@pytest.mark.parametrize("kind", ["folder", "archive", "table"])
@pytest.mark.parametrize(("names", "noted"), [(SAME, 0), (ELSEWHERE, 1)])
def test_paths_as_other_systems_write_them(
    tmp_path: Path, kind: str, names: dict[str, str], noted: int
) -> None:
    for name, file in names.items():
        files = {**FILES, "photos.csv": f'file,scientificName\n"{name}",Rosa\n'}
        if kind == "archive":
            source = write_zip(tmp_path / "a.zip", files)
        else:
            source = write(tmp_path / "a", files) / ("photos.csv" if kind == "table" else "")
        heard = Heard()
        (record,) = heard.read(source).values()
        place = record.location
        where = (
            place.name if isinstance(place, ZipMember) else place.path.relative_to(tmp_path / "a").as_posix()
        )
        assert (where, heard.faults) == (file, [])
        assert sum("is not at this path" in note for note in heard.notes) == noted


def test_keys_do_not_depend_on_the_system_that_wrote_the_table(tmp_path: Path) -> None:
    write(tmp_path, {**FILES, "photos.csv": "file,scientificName\n.\\a.jpg,Rosa\nsub\\B.JPG,Rosa\n"})
    assert [*Heard().read(tmp_path / "photos.csv")] == ["a.jpg", "sub/B.JPG"]


def test_a_photo_is_not_guessed(tmp_path: Path) -> None:
    """Two photos with the name, a missing photo whose name is in another folder, and files that are no photos."""
    files = {"x/1.jpg": PHOTO, "y/1.jpg": PHOTO, "Viola/2.jpg": PHOTO, "secret.txt": "x", "Case.jpg": PHOTO}
    rows = "1.jpg,Rosa\nRosa/2.jpg,Rosa\n/etc/secret.txt,Rosa\n../2.txt,Rosa\ncase.jpg,Rosa\n"
    write(tmp_path, {**files, "CASE.jpg": PHOTO, "photos.csv": f"file,scientificName\n{rows}"})
    heard = Heard()
    with refuses(DataError, match="nothing in this source can be used"):
        heard.read(tmp_path)
    assert len(heard.faults) == 5


def test_a_table_in_one_folder_and_photos_in_another(tmp_path: Path) -> None:
    files = {"set/data/photos.csv": "file,scientificName\nimages/1.jpg,Rosa\n2.jpg,Viola\n"}
    files |= {"set/images/1.jpg": PHOTO, "set/images/2.jpg": PHOTO}
    heard = Heard()
    found = heard.read(write_zip(tmp_path / "a.zip", files))
    assert [record.fields["scientificName"] for record in found.values()] == ["Rosa", "Viola"]


def test_a_training_table_may_name_photos_by_file_address(tmp_path: Path) -> None:
    photo = write(tmp_path / "else where", {"1.jpg": PHOTO}) / "1.jpg"
    write(tmp_path / "lists", {"photos.csv": f"file,scientificName\n{photo.as_uri()},Rosa\n"})
    (record,) = read_named(tmp_path / "lists/photos.csv")
    assert record.location == FilePart(photo)


def test_endless_cells_are_refused_at_once(tmp_path: Path) -> None:
    """Their length must not be multiplied by itself."""
    long = 200_000
    cells = ["C:/" + "a/" * long + "b.jpg", "a" + " " * long + "b", "," * long, "%" * long]
    media = "".join(f'{n},"Iris {"x" * long}","{cell}"\n' for n, cell in enumerate(cells))
    write(tmp_path, {"a/o.csv": "occurrenceID,scientificName,associatedMedia\n" + media})
    write(tmp_path, {"b/o.csv": "file,scientificName\n" + "".join(f'"{cell}",Iris\n' for cell in cells)})
    for source in (tmp_path / "a", tmp_path / "b"):
        with refuses(DataError, match="nothing in this source can be used"):
            Heard().read(source)
