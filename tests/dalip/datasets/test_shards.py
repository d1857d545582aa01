"""Shards are read in place, damaged ones are rejected as a whole, and a bad photo is reported by its key."""

import contextlib
import gzip
import io
import random
import tarfile
from pathlib import Path

import pytest
from paths import SHARED_DATA
from wording import refuses

from dalip.datasets import read_records, require_unique_keys, split_of
from dalip.errors import DataError
from tests.dalip.heard import Heard
from tests.dalip.made import fields, write_tar


def test_a_shard(tmp_path: Path) -> None:
    path = write_tar(
        tmp_path / "a.tar",
        {
            "one.jpg": b"first image",
            "one.json": fields(scientificName="Rosa canina", references="https://example.org/observation/1"),
            "one.txt": "a rose — in text".encode(),
            "./two.webp": b"second",
            "./two.json": fields(captions=["a dog", "a hound"], source="general"),
            "sub.folder/three.seg.png": b"of no text",
            "sub.folder/four.PNG": b"fourth",
            "sub.folder/four.JSON": fields(caption="a cat"),
            "._one.jpg": b"left by a Mac",
            "notes.txt": b"of no image",
        },
    )
    heard = Heard()
    one, two, three, four = heard.read(path).values()
    assert heard.faults == [f"{path}:notes: the record has no photo; it needs exactly one"]
    assert [r.key for r in (one, two, three, four)] == [
        "one",
        "two",
        "sub.folder/three.seg",
        "sub.folder/four",
    ]
    assert [record.read_bytes() for record in (one, two, four)] == [b"first image", b"second", b"fourth"]
    assert one.taxon is not None
    assert one.taxon.scientific_name == "Rosa canina"
    assert one.taxon.references == ()
    assert one.fields["text"] == "a rose — in text"
    assert one.name == f"{path}:one"
    assert one.split == split_of("one")
    assert two.captions == ("a dog", "a hound")
    assert two.taxon is None
    assert four.captions == ("a cat",)
    assert (two.source, four.source) == ("general", tmp_path.name)


def test_a_folder_of_shards_and_several_sources(tmp_path: Path) -> None:
    for i in range(3):
        write_tar(tmp_path / f"{2 - i}.tar", {f"key{2 - i}.jpg": b"x"})
    assert [r.key for r in read_records(tmp_path)] == ["key0", "key1", "key2"]
    found = read_records(tmp_path, tmp_path / "0.tar")
    assert [r.key for r in found] == ["key0", "key1", "key2", "0.tar/key0"], "a shared key names its source"
    with refuses(
        DataError, match=r"0\.tar:key0: the key 'key0' is also the key of .*0\.tar:key0; rename one"
    ):
        require_unique_keys([found[0], found[0]])


@pytest.mark.parametrize(
    ("members", "cause"),
    [
        ({"a.jpg": b"x", "a.json": b"{"}, "a.tar:a: the .json or .txt file next to the photo cannot be read"),
        ({"a.jpg": b"x", "a.json": b"[1]"}, "a.tar:a: the .json file next to the photo is not a JSON object"),
        (
            {"a.jpg": b"x", "a.txt": b"\xff"},
            "a.tar:a: the .json or .txt file next to the photo cannot be read",
        ),
        ({"a.jpg": b"x", "a.png": b"y"}, "a.tar:a: the record has 2 photos; it needs exactly one"),
        ({"a.txt": b"x"}, "a.tar:a: the record has no photo"),
        ({}, r"a\.tar: the source contains no photos; looked for \.avif"),
    ],
)
def test_wrong_shards(tmp_path: Path, members: dict[str, bytes], cause: str) -> None:
    with refuses(DataError, match=cause):
        read_records(write_tar(tmp_path / "a.tar", members))


def test_damaged_shards(tmp_path: Path) -> None:
    """Including shards cut between two files or in a header, which `tarfile` accepts as complete."""
    whole = write_tar(tmp_path / "a.tar", {"a.jpg": bytes(5000), "b.jpg": bytes(5000)})
    content = whole.read_bytes()
    second = 512 + 5120
    damaged = content[:second] + b"\xff" * 512 + content[second + 512 :]
    cut = [content[:size] for size in (0, 100, 3000, second, second + 100, second + 512, 2 * second)]
    for bad in (*cut, b"not a tar", damaged):
        (tmp_path / "bad.tar").write_bytes(bad)
        with refuses(
            DataError,
            match=r"bad\.tar: this is not a complete, readable shard \([^\n]+\); copy or download it again$",
        ):
            read_records(tmp_path / "bad.tar")
    (tmp_path / "bad.tar").write_bytes(content[: 2 * second + 512])
    assert len(read_records(tmp_path / "bad.tar")) == 2
    record = read_records(whole)[0]
    whole.unlink()
    with refuses(DataError, match=r"a\.tar:a: no such file"):
        record.read_bytes()


def test_bad_records_are_skipped_and_reported_if_requested(tmp_path: Path) -> None:
    (tmp_path / "table").mkdir()
    (tmp_path / "table" / "b.jpg").write_bytes(b"x")
    (tmp_path / "table" / "t.csv").write_text("file,caption\ngone.jpg,one\nb.jpg,two\n")
    bad = {
        "c.jpg": b"x",
        "c.json": b"{",
        "d.jpg": b"x",
        "d.txt": b"\xff",
        "e.jpg": b"x",
        "e.png": b"y",
        "f.txt": b"z",
    }
    path = write_tar(tmp_path / "a.tar", {"a.jpg": b"x", "a.txt": b"good"} | bad)
    heard = Heard()
    records = heard.read(path, tmp_path / "table").values()
    assert [(r.key, r.captions) for r in records] == [("a", ("good",)), ("b.jpg", ("two",))]
    assert sorted(fault.partition(" (")[0] for fault in heard.faults) == [
        f"{path}:c: the .json or .txt file next to the photo cannot be read",
        f"{path}:d: the .json or .txt file next to the photo cannot be read",
        f"{path}:e: the record has 2 photos; it needs exactly one",
        f"{path}:f: the record has no photo; it needs exactly one",
        f"{tmp_path}/table/t.csv, line 2: 'gone.jpg' is not a file in {tmp_path}/table; correct the name",
    ]
    (tmp_path / "table" / "b.jpg").unlink()
    with refuses(DataError, match=r"nothing in this source can be used; .*line 2: 'gone\.jpg' is not a file"):
        heard.read(tmp_path / "table")


@pytest.mark.skipif(not SHARED_DATA.is_dir(), reason="../shared/data is not there")
def test_the_shared_shards() -> None:
    records = read_records(*sorted(SHARED_DATA.glob("*.tar")))
    assert len(records) == 9918
    plants = [r.taxon for r in records if r.source in ("iNaturalist", "Oxford 102 Flowers")]
    assert len({taxon.scientific_name for taxon in plants if taxon}) == 130
    assert records[0].read_bytes()[:4] == b"RIFF"


def named(name: str) -> bytes:
    return fields(scientificName=name)


def test_the_key_ends_at_the_last_dot_where_that_makes_a_pair(tmp_path: Path) -> None:
    path = write_tar(
        tmp_path / "a.tar",
        {
            "Rosa.canina.01.jpg": b"1",
            "Rosa.canina.01.json": named("Rosa canina"),
            "Rosa.canina.02.JPG": b"2",
            "Rosa.canina.02.txt": b"a dog rose",
            "x0.jpg": b"3",
            "x0.json": named("Canna"),
            "x.1.1.jpg": b"4",
            "x.1.1.json": named("Dahlia"),
            # WebDataset's own convention: everything up to the first dot is the key.
            "key.input.jpg": b"5",
            "key.json": named("Viola"),
            "key.cls": b"7",
            "masked.jpg": b"6",
            "masked.seg.png": b"a mask",
            "masked.seg.json": b"{}",
            "masked.json": named("Iris"),
            "IMG_1.jpg": b"7",
            "IMG_1.jpg.json": named("Lupinus"),
            "two.left.jpg": b"8",
            "two.right.jpg": b"9",
            "two.json": named("Acer"),
        },
    )
    heard = Heard()
    found = heard.read(path)
    assert {key: (r.fields.get("scientificName"), r.read_bytes()) for key, r in found.items()} == {
        "Rosa.canina.01": ("Rosa canina", b"1"),
        "Rosa.canina.02": (None, b"2"),
        "x0": ("Canna", b"3"),
        "x.1.1": ("Dahlia", b"4"),
        "key": ("Viola", b"5"),
        "masked": ("Iris", b"6"),
        "masked.seg": (None, b"a mask"),
        "IMG_1": ("Lupinus", b"7"),
    }
    assert heard.faults == [f"{path}:two: the record has 2 photos; it needs exactly one"]
    assert heard.notes == [
        f"{path}: 1 file is not used, because it is neither the photo of a record nor its .json or .txt (1 .cls)"
    ]


def special(name: str, kind: bytes, **changes: object) -> tarfile.TarInfo:
    header = tarfile.TarInfo(name)
    header.type = kind
    for field, value in changes.items():
        setattr(header, field, value)
    return header


def test_every_file_that_is_not_used_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    long = "a folder with a long name/" * 9 + "b"
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as archive:
        for name, content in {
            "a.jpg": b"x",
            f"{long}.jpg": b"y",
            "b.raw": b"z",
            "b.json": named("Rosa"),
            "README.md": b"hello",
        }.items():
            archive.addfile(special(name, tarfile.REGTYPE, size=len(content)), io.BytesIO(content))
        archive.addfile(special("c.jpg", tarfile.SYMTYPE, linkname="/etc/passwd"))
        archive.addfile(special("d.jpg", tarfile.LNKTYPE, linkname="a.jpg"))
        archive.addfile(special("e.jpg", tarfile.FIFOTYPE))
        archive.addfile(special("f.jpg", tarfile.CHRTYPE))
        archive.addfile(special("folder", tarfile.DIRTYPE))
    heard = Heard()
    assert [*heard.read(path)] == ["a", long]
    assert sorted(fault.removeprefix(f"{path}:").partition(";")[0] for fault in heard.faults) == [
        "README.md: the file is neither a photo nor a .json or .txt file of a photo",
        "b.raw: the file is neither a photo nor a .json or .txt file of a photo",
        "b: the record has no photo",
        "c.jpg: this is a link, and links are not followed",
        "d.jpg: this is a link, and links are not followed",
        "e.jpg: this is not a regular file",
        "f.jpg: this is not a regular file",
    ]
    write_tar(tmp_path / "p.tar", {"a.jpg": b"x"})
    with tarfile.open(tmp_path / "pax.tar", "w", format=tarfile.PAX_FORMAT) as archive:
        header = special(f"{long}é.jpg", tarfile.REGTYPE, size=1)
        header.pax_headers = {"comment": "c" * 1000}
        archive.addfile(header, io.BytesIO(b"x"))
    assert [*Heard().read(tmp_path / "pax.tar")] == [f"{long}é"]


def test_keys_that_restart_in_each_shard_are_kept_in_their_own_split(tmp_path: Path) -> None:
    """A photo is in the same split whether its shard is read alone, with others, or as a stream."""
    shards = tmp_path / "shards"
    for name in ("0.tar", "1.tar", "sub/2.tar"):
        (shards / name).parent.mkdir(parents=True, exist_ok=True)
        members = {f"{i:06}.{s}": name.encode() for i in range(30) for s in ("jpg", "txt")}
        write_tar(shards / name, members)
    heard = Heard()
    found = heard.read(shards)
    assert heard.faults == []
    keys = [f"{i:06}" for i in range(30)]
    assert [*found] == [*keys, *(f"1.tar/{key}" for key in keys), *(f"sub/2.tar/{key}" for key in keys)]
    assert all(record.split == split_of(key[-6:]) for key, record in found.items())
    alone = heard.read(shards / "1.tar")
    assert {key: record.split for key, record in alone.items()} == {
        k: found[f"1.tar/{k}"].split for k in keys
    }
    listed = read_records(shards / "0.tar", shards / "1.tar")
    assert [record.key for record in listed] == [*found][:60]


@pytest.mark.parametrize("name", ["a.tar.gz", "a.tgz", "a.tar", "a.tar.zst"])
def test_a_compressed_shard_is_refused_with_advice(tmp_path: Path, name: str) -> None:
    content = write_tar(tmp_path / "plain.tar", {"a.jpg": b"x"}).read_bytes()
    shard = tmp_path / name
    shard.write_bytes(b"\x28\xb5\x2f\xfd...." if name.endswith("zst") else gzip.compress(content))
    with refuses(DataError, match="the shard is compressed, .*; decompress it to a .tar file"):
        read_records(shard)
    heard = Heard()
    assert [*heard.read(tmp_path)] == ["a"]
    assert len(heard.faults) == 1


def test_impossible_sizes_cost_no_memory_and_no_time(tmp_path: Path) -> None:
    """A header may claim terabytes, a negative size, or an endless name."""
    for kind, size in (
        (tarfile.REGTYPE, 10**13),
        (tarfile.REGTYPE, -512),
        (tarfile.GNUTYPE_LONGNAME, 10**10),
        (tarfile.XHDTYPE, 10**10),
    ):
        with tarfile.open(tmp_path / "a.tar", "w", format=tarfile.GNU_FORMAT) as archive:
            archive.addfile(special("a.jpg", tarfile.REGTYPE))
            archive.fileobj.write(special("b.json", kind, size=size).tobuf(tarfile.GNU_FORMAT))
            archive.offset += 512
        with refuses(DataError, match=r"a\.tar: this is not a complete, readable shard"):
            read_records(tmp_path / "a.tar")


def test_a_huge_text_or_photo_in_a_shard_is_not_read(tmp_path: Path) -> None:
    """The members are holes in a file on disk, so that the test itself is small."""
    path = tmp_path / "a.tar"
    with path.open("wb") as file:
        for name, size in (
            ("a.jpg", 512),
            ("a.json", 10**10),
            ("b.jpg", 10**10),
            ("b.txt", 512),
            ("c.jpg", 512),
        ):
            file.write(special(name, tarfile.REGTYPE, size=size).tobuf(tarfile.GNU_FORMAT))
            file.seek(-size % 512 + size, 1)
        file.truncate(file.tell() + 1024)
    heard = Heard()
    b, c = heard.read(path).values()
    assert heard.faults == [
        f"{path}:a: the .json or .txt file next to the photo is larger than 10 MB; make it smaller"
    ]
    assert (b.key, c.key) == ("b", "c")
    with refuses(DataError, match="the limit for a photo"):
        b.read_bytes()


def test_the_order_of_members_does_not_matter(tmp_path: Path) -> None:
    members = {f"{key}.{s}": named("Rosa") for key in ("a", "b.1", "c") for s in ("json", "jpg", "txt")}
    first = Heard().read(write_tar(tmp_path / "a.tar", members))
    other = Heard().read(
        write_tar(
            tmp_path / "b.tar", {name: members[name] for name in sorted(members, key=lambda name: name[::-1])}
        )
    )
    assert {key: dict(r.fields) for key, r in first.items()} == {
        key: dict(r.fields) for key, r in other.items()
    }


def test_damaged_shards_never_end_in_a_traceback(tmp_path: Path) -> None:
    """Bytes are changed at random, also in headers whose checksum is then corrected, as an attacker would."""
    chance = random.Random(0)
    for number in range(400):
        form = (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT)[number % 2]
        with tarfile.open(tmp_path / "a.tar", "w", format=form) as archive:
            for name in ("a.jpg", "a.json", "b.1.jpg", "b.1.json", "c/" + "d" * 99 + "é.jpg", "k.cls"):
                archive.addfile(special(name, tarfile.REGTYPE, size=24), io.BytesIO(named("Rosa")))
        content = bytearray((tmp_path / "a.tar").read_bytes())
        for _ in range(chance.choice((1, 5, 20))):
            content[chance.randrange(len(content))] = chance.randrange(256)
        for start in range(0, len(content) - 512, 512):
            header = content[start : start + 512]
            if header[257:262] == b"ustar" and chance.random() < 0.7:
                header[124 + chance.randrange(12)] = chance.choice(b"0179\x80\xff -")
                header[156] = chance.choice(b"0123456xgLKS")
                header[148:156] = b" " * 8
                header[148:156] = b"%06o\0 " % sum(header)
                content[start : start + 512] = header
        (tmp_path / "a.tar").write_bytes(content)
        with contextlib.suppress(DataError):
            for record in Heard().read(tmp_path / "a.tar").values():
                record.read_bytes()
