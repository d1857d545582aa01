"""Archives: .zip and .tar files with photos and tables, shards, and Darwin Core Archives with their meta.xml."""

import io
import json
import random
import struct
import tarfile
import warnings
import zipfile
from pathlib import Path

from tests.fuzz.cases import Case, Kind, interesting, mutated, one_in
from tests.fuzz.tables import NAMES, photo, read_all, table_of

__all__ = ["ARCHIVES", "SHARDS", "zip_of"]

_DWC = "http://rs.tdwg.org/dwc/terms/"
_MULTIMEDIA = "http://rs.gbif.org/terms/1.0/Multimedia"
_TERMS = (
    *(
        _DWC + name
        for name in ("scientificName", "taxonRank", "genus", "family", "eventDate", "associatedMedia")
    ),
    *(
        "http://purl.org/dc/terms/identifier",
        "http://purl.org/dc/terms/license",
        "http://purl.org/dc/terms/format",
        "x",
    ),
)
_NAMES = (
    *(
        "../../up.jpg",
        "/abs.jpg",
        "C:\\x.jpg",
        "a/./b.jpg",
        "Iris germanica/1.jpg",
        "Iris_germanica/2.JPG",
        ".hidden/3.jpg",
    ),
    *(
        "__MACOSX/._1.jpg",
        "a" * 300 + ".jpg",
        "deep/" * 200 + "1.jpg",
        "ü.jpg",
        "x\n.jpg",
        "Rosa canina/1.jpg",
        "con.jpg",
    ),
)


def zip_of(rng: random.Random, members: dict[str, bytes]) -> bytes:
    """Write a .zip archive, then spoil its headers in some cases: sizes, offsets, checksums, flags, methods."""
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        warnings.simplefilter("ignore")  # names that occur twice
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name.replace("\0", "")), content)
            if one_in(rng, 15):
                archive.writestr(zipfile.ZipInfo(name), content[:-1])
        if one_in(rng, 20):
            archive.writestr(
                "big.csv", b"file,scientificName\n" + bytes(rng.choice((5, 60, 300)) * 1_000_000)
            )
        if one_in(rng, 20):
            link = zipfile.ZipInfo("link.jpg")
            link.external_attr = 0o120777 << 16
            archive.writestr(link, "/etc/passwd")
    data = bytearray(buffer.getvalue())
    for _ in range(rng.choice((0, 0, 1, 2))):
        mark, size = rng.choice(((b"PK\3\4", 30), (b"PK\1\2", 46), (b"PK\5\6", 22)))
        at = data.find(mark, rng.randrange(len(data)))
        if at >= 0:
            offset, width = 4 + 2 * rng.randrange(size // 2 - 2), rng.choice((2, 4))
            data[at + offset : at + offset + width] = interesting(rng, width, "little")
    return mutated(rng, bytes(data)) if one_in(rng, 4) else bytes(data)


def _meta(rng: random.Random) -> bytes:
    def table(tag: str, kind: str, file: str, key: str) -> str:
        fields = "".join(
            f'<field index="{rng.choice((i, i, i, i, -1, 99999999, "x"))}" term="{rng.choice(_TERMS)}"'
            + rng.choice(("", "", ' default="Iris"'))
            + "/>"
            for i in range(1, rng.randint(2, 8))
        )
        settings = {
            "encoding": rng.choice(("UTF-8", "UTF-8", "utf-16", "cp1252", "nonsense", "")),
            "fieldsTerminatedBy": rng.choice((",", ",", "\\t", ";", "", "\\n", "\\u0001", "ab")),
            "linesTerminatedBy": rng.choice(("\\n", "\\r\\n", "x")),
            "fieldsEnclosedBy": rng.choice(("&quot;", "", "'")),
            "ignoreHeaderLines": rng.choice(("1", "1", "0", "9" * 30, "-1", "x")),
            "rowType": kind,
        }
        told = " ".join(f'{name}="{value}"' for name, value in settings.items())
        index = rng.choice((0, 0, 0, 7, -1, "x"))
        return f'<{tag} {told}><files><location>{file}</location></files><{key} index="{index}"/>{fields}</{tag}>'

    entities = "".join(f'<!ENTITY e{i} "{f"&e{i - 1};" * 10 if i else "x" * 50}">' for i in range(9))
    text = (
        f'<?xml version="1.0" encoding="{rng.choice(("UTF-8", "utf-8", "utf-16", "x"))}"?>'
        f"{f'<!DOCTYPE archive [{entities}]>' if one_in(rng, 10) else ''}"
        f'<archive xmlns="http://rs.tdwg.org/dwc/text/">{"&e8;" if one_in(rng, 20) else ""}'
        + table(
            "core",
            _DWC + rng.choice(("Occurrence", "Taxon")),
            rng.choice(("occurrence.txt", "../x", "none")),
            "id",
        )
        + (table("extension", _MULTIMEDIA, "multimedia.txt", "coreid") if not one_in(rng, 4) else "")
        + "</archive>"
    )
    content = text.encode()
    return mutated(rng, content) if one_in(rng, 3) else content


def _make_archive(rng: random.Random) -> Case:
    """Make an archive of a table with photos, of one folder per taxon, or a Darwin Core Archive."""
    members: dict[str, bytes] = {}
    if one_in(rng, 2):
        members["meta.xml"] = _meta(rng)
        members["occurrence.txt"] = table_of(rng)
        members["multimedia.txt"] = table_of(rng)
    elif one_in(rng, 2):
        members["photos.csv"] = table_of(rng, "file")
    for name in ("a.jpg", "b.png", *rng.sample(_NAMES, rng.randrange(4))):
        members[name] = photo() if not one_in(rng, 4) else mutated(rng, photo())
    if one_in(rng, 15):
        members["inner.zip"] = zip_of(rng, {"photos.csv": table_of(rng, "file")})
    return Case.of(rng.choice(("data.zip", "data.zip", "dwca.zip", "export.zip")), zip_of(rng, members))


def _make_shard(rng: random.Random) -> Case:
    """Make a .tar shard of photos with JSON, with odd keys, links, long names and PAX headers."""
    buffer = io.BytesIO()
    kind = rng.choice((tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT))
    with tarfile.open(fileobj=buffer, mode="w", format=kind) as archive:
        for number in range(rng.choice((0, 1, 3, 12))):
            key = rng.choice(
                (f"{number:06}", "a.b.c", "dir/x", "../x", "1", "ü", "k" * (90 if kind == 1 else 200))
            )
            fields = {"scientificName": rng.choice(NAMES), "key": rng.choice((1, "x", None, [], {}))}
            told = (
                json.dumps(fields).encode()
                if not one_in(rng, 6)
                else mutated(rng, b'{"scientificName": "Iris"}')
            )
            for ending, content in (("jpg", photo()), ("json", told), ("txt", b"a flower")):
                if one_in(rng, 6):
                    continue
                header = tarfile.TarInfo(f"{key}.{ending}")
                header.size = len(content)
                if one_in(rng, 30):
                    header.type, header.linkname, header.size = (
                        rng.choice((tarfile.SYMTYPE, tarfile.FIFOTYPE)),
                        "/etc/passwd",
                        0,
                    )
                if one_in(rng, 30):
                    header.pax_headers = {"size": rng.choice(("99999999999", "-1", "x")), "path": "p" * 300}
                try:
                    archive.addfile(header, io.BytesIO(content))
                except ValueError:  # the format cannot hold the name
                    continue
    data = bytearray(buffer.getvalue())
    for _ in range(rng.choice((0, 0, 1, 2))):
        block = 512 * rng.randrange(max(1, len(data) // 512))
        at, size = rng.choice(((0, 100), (100, 8), (124, 12), (136, 12), (156, 1), (257, 6)))
        data[block + at : block + at + size] = rng.choice(
            (b"7" * size, bytes(size), rng.randbytes(size), b"\x80" + b"\xff" * size)
        )[:size]
        if not one_in(rng, 3) and block + 512 <= len(data):  # with a checksum that fits
            total = sum(data[block : block + 148]) + 256 + sum(data[block + 156 : block + 512])
            data[block + 148 : block + 156] = b"%06o\0 " % total
    content = mutated(rng, bytes(data)) if one_in(rng, 4) else bytes(data)
    if one_in(rng, 30):
        content += struct.pack(">I", 0x1F8B0800)
    return Case.of("shard-000000.tar", content)


def _read_shard(path: Path) -> None:
    read_all(path)
    read_all(path.parent)


ARCHIVES = Kind("archives", _make_archive, read_all, 400)
SHARDS = Kind("shards", _make_shard, _read_shard, 200)
