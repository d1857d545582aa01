"""ZIP archives of people and of attackers: what is refused, with which words, and that nothing is written anywhere."""

import io
import struct
import zipfile
from pathlib import Path

import pytest
from wording import refuses

from dalip.datasets import archives
from dalip.errors import DataError
from tests.dalip.heard import PHOTO, Heard, write_zip

ROSE = {"Rosa/1.jpg": PHOTO}


def test_archives_in_archives_are_reported(tmp_path: Path) -> None:
    files = ROSE | dict.fromkeys(("more.zip", "Rosa/more.tar", "Rosa/more.tar.gz", "more.7z"), PHOTO)
    heard = Heard()
    assert [*heard.read(write_zip(tmp_path / "a.zip", files))] == ["Rosa/1.jpg"]
    assert len(heard.faults) == 4
    assert all(
        "this is an archive in an archive, and is not read; unpack the outer one" in f for f in heard.faults
    )


def test_members_that_share_their_bytes_are_refused(tmp_path: Path) -> None:
    """Thousands of members that overlap unpack to far more than the archive could hold."""
    path = write_zip(tmp_path / "a.zip", {f"Rosa/{n}.jpg": PHOTO * 5 for n in range(4)})
    content = path.read_bytes()
    start = content.index(b"PK\x01\x02")
    for number in range(3):  # the first three point at the first
        content = content[: start + 42] + struct.pack("<L", 0) + content[start + 46 :]
        start = content.index(b"PK\x01\x02", start + 1)
        assert number < 3
    path.write_bytes(content)
    heard = Heard()
    assert [*heard.read(path)] == ["Rosa/3.jpg"]
    assert sum("shares its bytes with another file" in fault for fault in heard.faults) == 3


def test_photos_that_unpack_to_too_much_are_not_unpacked(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {"Rosa/1.jpg": bytes(20_000_000), "Rosa/2.jpg": bytes(101_000_000)})
    one, two = Heard().read(path).values()
    with refuses(DataError, match=r"1\.jpg: the photo would unpack to 20 MB .*ZIP bomb"):
        one.read_bytes()
    with refuses(DataError, match=r"2\.jpg: the file is larger than 100 MB"):
        two.read_bytes()


def test_a_member_that_is_not_what_the_list_of_members_says(tmp_path: Path) -> None:
    """Another name or size in front of its content, a wrong checksum, and content that is cut."""
    whole = write_zip(tmp_path / "a.zip", ROSE).read_bytes()
    name = whole.index(b"Rosa/1.jpg")
    data = name + len("Rosa/1.jpg")
    for at in (name, data, whole.index(b"PK\x01\x02") + 16):
        (tmp_path / "b.zip").write_bytes(whole[:at] + b"\x7f\x7f" + whole[at + 2 :])
        (record,) = Heard().read(tmp_path / "b.zip").values()
        with refuses(DataError, match="the photo cannot be extracted"):
            record.read_bytes()


def test_large_archives_are_read_and_endless_ones_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 10)
    many = {f"Rosa/{n}.jpg": PHOTO for n in range(20)}
    path = write_zip(tmp_path / "a.zip", many)  # in the ZIP64 format
    assert b"PK\x06\x07" in path.read_bytes()
    assert len(Heard().read(path)) == 20
    content = path.read_bytes()
    for signature, offset, form, size in (
        (b"PK\x05\x06", 12, "<L", 2**32 - 2),
        (b"PK\x06\x06", 40, "<Q", 2**40),
    ):
        at = content.rindex(signature) + offset
        claim = struct.pack(form, size)
        path.write_bytes(content[:at] + claim + content[at + len(claim) :])
        with refuses(DataError, match="the archive has too many files; split it"):
            Heard().read(path)


def test_an_archive_by_its_first_bytes(tmp_path: Path) -> None:
    assert archives.is_archive(write_zip(tmp_path / "photos.backup", ROSE))
    assert not archives.is_archive(tmp_path / "gone")


def test_nothing_is_written(tmp_path: Path) -> None:
    folder = tmp_path / "only"
    folder.mkdir()
    path = write_zip(folder / "a.zip", ROSE | {"../../evil.jpg": PHOTO, "/tmp/evil.jpg": PHOTO})
    for record in Heard().read(path).values():
        record.read_bytes()
    assert [*tmp_path.rglob("*")] == [folder, path]


HUGE = 10**9


def zip_end(size: int, comment: bytes = b"") -> bytes:
    return struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0, 0, size, 0, len(comment)) + comment


def zip64_end(size: int, place: int, between: bytes = b"") -> bytes:
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 0, 0, size, 0)
    return record + between + struct.pack("<4sLQL", b"PK\x06\x07", 0, place, 1)


@pytest.mark.parametrize(
    ("end", "size"),
    [
        (b"no archive", 0),
        (zip_end(HUGE), HUGE),
        (zip_end(HUGE, b"a comment"), HUGE),
        (zip_end(HUGE, b"PK"), HUGE),
        (zip_end(0x06054B50)[:16] + b"PK\x05\x06" + bytes(2), 0x06054B50),
        (zip64_end(HUGE, 4) + zip_end(0xFFFFFFFF), HUGE),
        (zip64_end(HUGE, 99) + zip_end(7), HUGE),  # where older versions of zipfile look
        (zip64_end(HUGE, 4, bytes(30)) + zip_end(7), HUGE),  # where newer ones look
        (zip64_end(800, 4) + zip_end(0xFFFFFFFF), 800),
    ],
)
def test_the_size_of_the_list_of_members_is_found_wherever_zipfile_looks(end: bytes, size: int) -> None:
    assert archives.directory_bytes(io.BytesIO(b"data" + end)) == size
