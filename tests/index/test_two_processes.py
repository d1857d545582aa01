"""Two processes use the same library, journal or flora at the same time: nothing is lost, and nothing breaks."""

import os
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np
from PIL import Image
from tiny_bundle import COLOURS
from warm import fork

from dalip.datasets import read_records
from dalip.encoder import Encoder
from dalip.taxonomy import Taxon
from dalip_index import Journal, Library, Observation, build_flora, verify_flora
from tests.index.conftest import paint

_USED = ("dalip.encoder", "dalip_index", "dalip_index.build.build", "onnxruntime")

_START = """
import sys, time
from pathlib import Path
from dalip.encoder import Encoder
from dalip.errors import DalipError

folder, bundle, mine = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
encoder = Encoder.load(bundle)
encoder.encode_text(["red"])
(folder / f"ready-{mine}").touch()
while len(list(folder.glob("ready-*"))) < int(sys.argv[4]):
    time.sleep(0.005)
"""


def together(folder: Path, bundle: Path, *codes: str) -> list[str]:
    """Run pieces of code in processes that start at the same moment; return what they print."""
    waiting = []
    for number, code in enumerate(codes):
        arguments = [str(folder), str(bundle), str(number), str(len(codes))]
        errors = TemporaryFile("w+")  # noqa: SIM115 - closed below
        process = fork(_START + code, arguments, os.environ, modules=_USED, stderr=errors)
        waiting.append((process, errors))
    printed = []
    for process, errors in waiting:
        out, _ = process.communicate()
        errors.seek(0)
        assert process.returncode == 0, errors.read()
        errors.close()
        printed.append(out)
    return printed


_ADD = """
from dalip_index import Library
report = Library(folder / "data").add(folder / f"photos-{mine}", encoder)
assert not report.skipped, report
"""

_SEARCH = """
from dalip_index import Library, PhotoFilter
library, found, tries = Library(folder / "data"), 0, 0
while found < 20:
    try:
        hits = library.search_text("red", encoder, 50).hits
        assert len(hits) >= found, "photos were lost"
        found = len(hits)
        library.newest(50, only=PhotoFilter(until="2999"))
        [library.thumbnail(hit.content) for hit in hits]
        library.folders(), library.verdicts()
    except DalipError as error:
        assert error.kind == "library-empty", error
"""


def test_two_processes_add_to_a_library_while_a_third_searches(tmp_path: Path, bundle: Path) -> None:
    for number in range(2):
        for i in range(20):
            paint(tmp_path / f"photos-{number}" / f"{i}.png", "red" if number else "blue", 100 * number + i)
    together(tmp_path, bundle, _ADD, _ADD, _SEARCH)
    library = Library(tmp_path / "data")
    assert len(library) == 40
    assert sorted(library.folders().values()) == [20, 20]


_UPDATE = """
from dalip_index import Library
library = Library(folder / "data")
for _ in range(5):
    try:
        library.update(encoder)
    except DalipError as error:
        assert error.kind == "library-empty", error
"""

_REMOVE = """
from dalip_index import Library
library = Library(folder / "data")
assert library.remove(folder / "photos-0") == 20
"""


def test_a_folder_is_removed_during_an_update(tmp_path: Path, bundle: Path, encoder: Encoder) -> None:
    library = Library(tmp_path / "data")
    for number in range(2):
        for i in range(20):
            paint(tmp_path / f"photos-{number}" / f"{i}.png", "red", 100 * number + i)
        library.add(tmp_path / f"photos-{number}", encoder)
    together(tmp_path, bundle, _UPDATE, _REMOVE)
    assert library.folders() == {str((tmp_path / "photos-1").resolve()): 20}
    assert len(library) == 20


_SAVE = """
from dalip_index import Journal, Observation
journal = Journal(folder / "data")
for number in range(40):
    date = "2026-05-31T12:00:00+00:00"
    seen = Observation(f"{mine}-{number}", date, "Rosa", "genus", "Rosaceae", 0.5, "unsure")
    assert journal.add(seen, [bytes(3000)] * 2)
    journal.change(seen.id, notes="mine")
    journal.change("shared", notes=f"{mine}-{number}")
    if number % 4 == 0:
        journal.remove(seen.id)
    assert len(journal.observations()) >= number // 2
"""


def test_two_processes_save_change_and_remove_observations(tmp_path: Path, bundle: Path) -> None:
    journal = Journal(tmp_path / "data")
    journal.add(Observation("shared", "2026-05-31", "Rosa", "genus", "Rosaceae", 0.5, "sure"), [])
    together(tmp_path, bundle, _SAVE, _SAVE, _SAVE)
    found = {seen.id: seen for seen in journal.observations()}
    assert len(found) == 1 + 3 * 30
    assert {seen.notes for seen in found.values() if seen.id != "shared"} == {"mine"}
    assert found["shared"].notes.endswith("-39")
    assert all(len(journal.photos(identifier)) == 2 for identifier in found if identifier != "shared")


_CHANGE = """
from dalip.datasets import read_records
from dalip_index import add_photos, load_flora
tries = 0
for number in range(2):
    records = read_records(folder / f"more-{mine}-{number}")
    while True:
        try:
            add_photos(folder / "flora", encoder, records, test_too=True)
            break
        except DalipError as error:
            assert error.kind == "flora-busy", error
            time.sleep(0.01)
"""

_READ = """
from dalip_index import load_flora, verify_flora
last = ""
while len(list(folder.glob("flora/v*"))) and last != "v000005":
    flora = load_flora(folder / "flora", encoder)
    assert len(flora.taxa) == 10
    last = flora.manifest.version
"""


def test_two_processes_change_a_flora_while_a_third_reads_it(
    tmp_path: Path, bundle: Path, encoder: Encoder, taxa: Sequence[Taxon], photos: Path
) -> None:
    path = tmp_path / "flora"
    before = build_flora(path, encoder, taxa, read_records(photos), test_too=True).counts.kept_photos
    for one in range(2):
        for number in range(2):
            for colour in list(COLOURS)[:3]:
                seed = 5000 + 100 * one + number
                paint(tmp_path / f"more-{one}-{number}" / f"Rosa {colour}" / "x.png", colour, seed)
    together(tmp_path, bundle, _CHANGE, _CHANGE, _READ)
    info = verify_flora(path)  # the kept photos of all versions are there
    assert info.manifest.version == "v000005"
    assert info.manifest.counts.kept_photos == before + 4 * 3
    assert {p.name for p in path.glob("v*")} == {"v000004", "v000005"}


_PACK = """
from dalip.datasets import read_records
from dalip.datasets.pack import pack
while True:
    try:
        print(pack(read_records(folder / "photos"), folder / "packed", workers=1).sheet.photos)
        break
    except DalipError as error:
        assert error.kind == "pack-folder-busy", error
        time.sleep(0.01)
"""


def test_two_processes_pack_into_the_same_folder(tmp_path: Path, bundle: Path) -> None:
    (tmp_path / "photos" / "Rosa red").mkdir(parents=True)
    for i in range(40):
        noise = np.random.default_rng(i).integers(0, 256, (256, 256, 3), np.uint8)
        Image.fromarray(noise).save(tmp_path / "photos" / "Rosa red" / f"{i}.png")
    printed = together(tmp_path, bundle, _PACK, _PACK)
    assert len(set(printed)) == 1
    packed = read_records(*sorted((tmp_path / "packed").glob("*.tar")))
    assert [f"{len(packed)}\n"] * 2 == printed
    assert not list((tmp_path / "packed").rglob("*.draft"))
