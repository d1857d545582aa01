"""The user's regions: distributions and occurrence records in the published formats, in one file that survives."""

import gzip
import os
import signal
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from wording import refuses, said

from dalip.datasets import Report
from dalip.errors import RegionError, Skipped
from dalip_index import Regions
from tests.index.regions import region_files as files

RECORDS = [
    files.record("Rosa canina", 40.41, -3.7, coordinateUncertaintyInMeters=30),
    files.record("Rosa canina", 40.42, -3.71),
    files.record("Iris pallida", 41.3, -3.7),
    files.record("", 40.4, -3.7, scientificName="Acer campestre subsp. leiocarpum (Opiz) Schwer."),
    files.record("Fagus sylvatica", 60.4, 5.3),
]
LEFT_OUT = {
    "absent": files.record("Rosa alba", 40.4, -3.7, occurrenceStatus="ABSENT"),
    "not-wild": files.record("Rosa alba", 40.4, -3.7, basisOfRecord="LIVING_SPECIMEN"),
    "kingdom": files.record("Amanita muscaria", 40.4, -3.7, kingdom="Fungi"),
    "without-coordinates": files.record("Rosa alba", "", ""),
    "uncertain": files.record("Rosa alba", 0, 0),
    "higher-taxon": files.record("", 40.4, -3.7, scientificName="Rosa L.", taxonRank="GENUS"),
}
BAD = [
    files.record("Rosa alba", "40,4", "-3,7"),
    files.record("Rosa alba", 95, -3.7),
    files.record("Rosa alba", 40, "nan"),
    files.record("", 40.4, -3.7),
]


@pytest.fixture
def regions(tmp_path: Path) -> Regions:
    return Regions(tmp_path / "data")


def skipping(regions: Regions, path: Path, **more: Path) -> list[str]:
    """Add a file; return what is skipped, as printed."""
    skipped: list[Skipped] = []
    regions.add(path, Report(skipped.append), **more)
    return [said(each.error) for each in skipped]


def zipped(path: Path, *members: Path) -> Path:
    with zipfile.ZipFile(path, "w") as made:
        for member in members:
            made.write(member, member.name)
    return path


def in_folder(folder: Path) -> Path:
    return files.wcvp(folder)


def in_archive(folder: Path) -> Path:
    return zipped(folder / "wcvp.zip", files.wcvp(folder / "w"), folder / "w" / "wcvp_names.csv")


def packed(folder: Path) -> Path:
    path = files.wcvp(folder)
    path.with_suffix(".csv.gz").write_bytes(gzip.compress(path.read_bytes()))
    return path.with_suffix(".csv.gz")


@pytest.mark.parametrize("write", [in_folder, in_archive, packed])
def test_a_distribution_gives_the_taxa_of_areas_regions_and_continents(
    regions: Regions, tmp_path: Path, write: Callable[[Path], Path]
) -> None:
    added = regions.add(write(tmp_path / "files"), Report())
    assert (added.kind, added.taxa, added.records) == ("distribution", 4, 5)
    assert added.left_out == {"extinct": 1, "doubtful": 1, "higher-taxon": 1}
    spain = regions.find("Spain")
    assert spain.name == "Spain"
    assert spain.names == {"Rosa canina": (), "Iris pallida": ("Iris odoratissima",)}
    assert [*regions.find("SPA").names] == [*regions.find("spain").names] == ["Rosa canina", "Iris pallida"]
    assert [*regions.find("reunion").names] == ["Iris pallida subsp. cengialti"]
    assert [*regions.find("southwestern europe").names] == ["Rosa canina", "Iris pallida"]
    assert sorted(regions.find("1").names) == ["Acer campestre", "Iris pallida", "Rosa canina"]
    found = [(area.code, area.name, area.level, area.taxa) for area in regions.areas("eur")]
    assert found == [
        ("1", "EUROPE", 1, 3),
        ("10", "Northern Europe", 2, 1),
        ("12", "Southwestern Europe", 2, 2),
    ]
    assert [area.code for area in regions.areas()] == ["2", "1", "10", "12", "29", "NOR", "POR", "REU", "SPA"]


def test_names_may_be_in_another_place_and_must_be_there(regions: Regions, tmp_path: Path) -> None:
    path = files.placed(tmp_path / "wcvp_distribution.csv")
    with refuses(RegionError, match="names of the taxa are missing; put wcvp_names.csv next to this file"):
        regions.add(path, Report())
    assert regions.sources() == []
    regions.add(path, Report(), names=files.names(tmp_path / "elsewhere" / "n.csv"))
    assert [*regions.find("por").names] == ["Rosa canina"]


def test_rows_that_cannot_be_used_are_reported_with_their_number(regions: Regions, tmp_path: Path) -> None:
    nowhere = ("", "", "", "", "", "")
    rows = [*files.PLACED, (99, files.SPAIN, "000"), (98, files.SPAIN, "000"), (1, nowhere, "000")]
    files.names(tmp_path / "wcvp_names.csv")
    skipped = skipping(regions, files.placed(tmp_path / "wcvp_distribution.csv", rows))
    assert len(skipped) == 2
    assert "wcvp_distribution.csv, line 12: the row has no code of an area" in skipped[0]
    assert "line 10: no name has the identifier 99, and the same is true of another row" in skipped[1]
    assert len(regions.find("Spain").names) == 2


def simple(folder: Path, rows: list[dict[str, object]]) -> Path:
    return files.records(folder / "0001.csv", rows)


def simple_zip(folder: Path, rows: list[dict[str, object]]) -> Path:
    return zipped(folder / "0001.zip", files.records(folder / "0001.csv", rows))


def darwin_core(folder: Path, rows: list[dict[str, object]]) -> Path:
    folder.mkdir(exist_ok=True)
    return files.archive(folder / "dwca.zip", rows)


def without_meta(folder: Path, rows: list[dict[str, object]]) -> Path:
    folder.mkdir(exist_ok=True)
    return files.archive(folder / "dwca.zip", rows, meta=False)


@pytest.mark.parametrize("write", [simple, simple_zip, darwin_core, without_meta])
def test_occurrence_records_give_the_taxa_near_a_place(
    regions: Regions, tmp_path: Path, write: Callable[[Path, list[dict[str, object]]], Path]
) -> None:
    skipped: list[Skipped] = []
    path = write(tmp_path / "files", [*RECORDS, *LEFT_OUT.values(), *BAD])
    added = regions.add(path, Report(skipped.append))
    assert (added.kind, added.taxa, added.records) == ("occurrences", 4, 5)
    assert added.left_out == dict.fromkeys(LEFT_OUT, 1)
    told = [said(each.error) for each in skipped]
    assert len(told) == 2
    assert "'40,4, -3,7' are no coordinates, and 2 other rows have none either" in told[0]
    assert "the record has no scientific name" in told[1]
    near = regions.near(40.4, -3.7, 50)
    assert near.name == "50 km around 40.4, -3.7"
    assert sorted(near.names) == ["Acer campestre", "Rosa canina"]
    assert sorted(regions.near(40.4, -3.7, 120).names) == ["Acer campestre", "Iris pallida", "Rosa canina"]
    assert len(regions.near(40.4, -3.7, 3000).names) == 4
    assert [*regions.near(60.45, 5.35, 1).names] == ["Fagus sylvatica"]
    with refuses(RegionError, match="no occurrence records here; increase --radius"):
        regions.near(-40.0, 170.0, 100)


def test_records_are_found_across_the_date_line_and_at_the_poles(regions: Regions, tmp_path: Path) -> None:
    rows = [
        files.record("Rosa east", -17.0, 179.95),
        files.record("Rosa west", -17.0, -179.95),
        files.record("Rosa pole", -90, 0),
        files.record("Rosa other", -89.9, 180),
    ]
    regions.add(simple(tmp_path, rows), Report())
    for longitude in (179.99, -179.99, 180, -180):
        assert sorted(regions.near(-17.0, longitude, 30).names) == ["Rosa east", "Rosa west"]
    for longitude in (-180, 17, 180):
        assert sorted(regions.near(-90, longitude, 20).names) == ["Rosa other", "Rosa pole"]


def test_a_file_replaces_the_one_with_its_name_and_can_be_removed(regions: Regions, tmp_path: Path) -> None:
    regions.add(files.wcvp(tmp_path), Report())
    regions.add(simple(tmp_path, RECORDS), Report())
    files.placed(tmp_path / "wcvp_distribution.csv", [(6, files.SPAIN, "000")])
    regions.add(tmp_path / "wcvp_distribution.csv", Report())
    assert [(source.name, source.taxa) for source in regions.sources()] == [
        ("0001.csv", 4),
        ("wcvp_distribution.csv", 1),
    ]
    assert [*regions.find("Spain").names] == ["Acer campestre"]
    with refuses(RegionError, match="did you mean Spain?"):
        regions.find("Spian")
    with refuses(RegionError, match="no area has this name or code; list them"):
        regions.find("Qwghlm")
    with refuses(RegionError, match="no file with this name was added; there are: 0001.csv, wcvp_dist"):
        regions.remove("Spain")
    regions.remove("wcvp_distribution.csv")
    regions.remove("0001.csv")
    assert regions.areas() == regions.sources() == []
    with closing(sqlite3.connect(regions.path)) as connection:
        tables = [
            name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
        ]
        assert [table for table in tables if connection.execute(f"SELECT 1 FROM {table}").fetchone()] == []
    with refuses(RegionError, match="no distributions were added yet"):
        regions.find("Spain")
    with refuses(RegionError, match="no occurrence records were added yet"):
        regions.near(40.4, -3.7, 50)


def test_other_files_are_refused_and_change_nothing(regions: Regions, tmp_path: Path) -> None:
    regions.add(files.wcvp(tmp_path), Report())
    table = tmp_path / "other.csv"
    table.write_text("name,place\nRosa canina,Spain\n")
    with refuses(RegionError, match="its columns are name, place"):
        regions.add(table, Report())
    with refuses(RegionError, match="neither the columns"):
        regions.add(zipped(tmp_path / "other.zip", table), Report())
    with refuses(RegionError, match="missing.csv: no such file"):
        regions.add(tmp_path / "missing.csv", Report())
    empty = files.placed(tmp_path / "wcvp_distribution.csv", [(1, files.SPAIN, "010")])
    with refuses(RegionError, match="no row that can be used; nothing was changed"):
        regions.add(empty, Report())
    assert len(regions.find("Spain").names) == 2
    assert not regions.path.with_name("other").exists()


_ADD = """
import os, signal, sys
from pathlib import Path
from dalip.datasets import Report
from dalip_index import Regions
kill = lambda *told: os.kill(os.getpid(), signal.SIGKILL)
Regions(Path(sys.argv[1])).add(Path(sys.argv[2]), Report(kill), kill)
"""


@pytest.mark.parametrize("killed_at", ["progress", "the end"])
def test_a_killed_process_leaves_the_regions_as_they_were(
    regions: Regions, tmp_path: Path, killed_at: str
) -> None:
    path = files.wcvp(tmp_path)
    regions.add(path, Report())
    rows = [(6, files.SPAIN, "000")] * (10_001 if killed_at == "progress" else 2)
    files.placed(path, [*rows, (99, files.SPAIN, "000")])
    done = subprocess.run([sys.executable, "-c", _ADD, regions.path.parent, path], check=False)
    assert done.returncode == -signal.SIGKILL
    assert [*regions.find("Spain").names] == ["Rosa canina", "Iris pallida"]
    skipping(regions, path)
    assert [*regions.find("Spain").names] == ["Acer campestre"]


def test_a_damaged_file_says_what_to_do(regions: Regions, tmp_path: Path) -> None:
    regions.path.parent.mkdir()
    regions.path.write_bytes(os.urandom(8192))
    with refuses(RegionError, match="damaged .* add your files again with `dalip region add`"):
        regions.sources()


def test_a_file_of_a_newer_version_is_refused(regions: Regions, tmp_path: Path) -> None:
    regions.add(files.wcvp(tmp_path), Report())
    with closing(sqlite3.connect(regions.path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    for use in (
        regions.sources,
        lambda: regions.find("Spain"),
        lambda: regions.remove("wcvp_distribution.csv"),
    ):
        with refuses(RegionError, match="version 99, but this version of DALIP supports only up to 1"):
            use()  # type: ignore[operator]
