"""Lists of taxa and tables of photos from any program work in every command that takes them."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from scenes import encoded, scene

from tests.app.conftest import Done, World, run

Dalip = Callable[..., Done]

LISTS = {
    "wcvp_names.csv": "plant_name_id|taxon_rank|taxon_status|family|taxon_name|taxon_authors|accepted_plant_name_id\n"
    '1|Species|Accepted|Coloraceae|Flos red|L.|1\n2|Species|Synonym|"Coloraceae|Flos ruber|L.|1\n',
    "Taxon.tsv": "taxonID\tscientificName\tscientificNameAuthorship\ttaxonRank\ttaxonomicStatus\tacceptedNameUsageID\n"
    "1\tFlos red L.\tL.\tspecies\taccepted\t\n2\tFlos ruber L.\tL.\tspecies\theterotypic synonym\t1\n",
    "excel.csv": "sep=;\nScientific Name;Status;Accepted name\nFlos red L.;;\nFlos ruber;Synonym;Flos red L.\n",
}


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of photos as Excel writes it in many countries, next to the photos."""
    folder = tmp_path_factory.mktemp("tables")
    rows = ["sep=;", "Filename;Scientific Name;Family;License"]
    for number in range(30):
        name, colour = f"{number:02}.jpg", ("red", "green", "blue")[number % 3]
        (folder / name).write_bytes(encoded(scene(number, 160, 120)))
        rows.append(f"{name};Flos {colour};Coloraceae;CC0")
    (folder / "photos.csv").write_text("\r\n".join(rows), encoding="utf-16")
    return folder / "photos.csv"


def test_a_table_of_photos_works_in_every_command(
    photos: Path, world: World, dalip: Dalip, tmp_path: Path
) -> None:
    packed = dalip("data", "pack", photos, "packed")
    assert (packed.status, packed.err) == (0, "")
    assert "30 photos of 3 taxa" in packed.out
    built = dalip("index", "build", *world.encoder, "--photos", photos, "flora")
    assert (built.status, built.err) == (0, "")
    assert "3 taxa" in built.out
    (tmp_path / "excel.csv").write_text(LISTS["excel.csv"] + "Flos blue;;\nFlos blue;;\n", encoding="utf-8")
    planned = dalip("train", "--preset", "tiny", "--data", photos, "--taxa", "excel.csv", "--dry-run", "run")
    assert planned.status == 0
    assert "line 6: Flos blue is in the list twice" in planned.err
    assert "data: 1 more skipped" in planned.out
    measured = dalip("evaluate", "zero-shot", world.bundle, "--photos", photos)
    assert (measured.status, measured.err) == (0, "")


@pytest.mark.parametrize("name", LISTS)
def test_a_list_works_as_taxa_as_checklist_and_as_only(
    name: str, photos: Path, world: World, dalip: Dalip, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(LISTS[name], encoding="utf-8")
    built = dalip("index", "build", *world.encoder, "--taxa", name, "flora")
    assert built.status == 0, built.err
    assert "flora: 1 taxon," in built.out
    (tmp_path / "all" / "Flos_ruber").mkdir(parents=True)
    shutil.copy(photos.with_name("00.jpg"), tmp_path / "all" / "Flos_ruber")
    packed = dalip("data", "pack", "all", "packed", "--checklist", name)
    assert packed.status == 0, packed.err
    assert "Flos ruber: matched to Flos red (synonym)" in packed.err
    with_photo = dalip(
        "index", "build", *world.encoder, "--taxa", name, "--photos", "all", "--all-photos", "flora"
    )
    assert "1 photo as evidence" in with_photo.out, with_photo.err
    assert '"Flos ruber" is read as Flos red (synonym)' in with_photo.err
    found = run(
        ["dalip", "identify", *world.options, photos.with_name("00.jpg"), "--only", name, "--json"],
        cwd=tmp_path,
    )
    assert found.status == 0, found.err
    assert "Flos red" in found.out
    assert "Flos blue" not in found.out
