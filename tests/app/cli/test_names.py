"""Names as people write them, in the commands: folders of photos, `--only`, `--taxon` and the journal."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from dalip.encoder import Encoder
from dalip.taxonomy import Taxon, VernacularName
from dalip_app.messages.language import language
from dalip_app.page.keep_form import named_by_user
from dalip_index import Journal, Observation, build_flora, load_flora
from dalip_index.journal.lessons import lessons
from dalip_index.store.catalogue import open_catalogue, read_taxa
from dalip_index.store.versions import current_version
from tests.app.conftest import Done, World, paint
from tests.app.serving import serving

Dalip = Callable[..., Done]


def folders(root: Path, *names: str) -> Path:
    """Write a folder with two photos for each name, all different."""
    for number, name in enumerate(names):
        for seed in range(2):
            paint(root / name / f"{number}-{seed}.png", "red", 10 * number + seed)
    return root


def taxa_in(flora: Path) -> list[str]:
    return [taxon.scientific_name for taxon in read_taxa(current_version(flora))]


@pytest.fixture(scope="module")
def flora(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A flora built from names only."""
    path = tmp_path_factory.mktemp("names") / "flora"
    taxa = [
        Taxon(
            "Rosa canina",
            vernacular_names=(VernacularName("dog rose"), VernacularName("églantier", "fr")),
            genus="Rosa",
            family="Rosaceae",
            scientific_name_authorship="L.",
        ),
        Taxon("Rosa × alba", vernacular_names=(VernacularName("garden rose"),), genus="Rosa"),
        Taxon("Rosa rugosa", vernacular_names=(VernacularName("garden rose"),), genus="Rosa"),
    ]
    build_flora(path, Encoder.load(world.bundle), taxa)
    return path


def test_folders_of_photos_may_have_any_spelling(dalip: Dalip, world: World, tmp_path: Path) -> None:
    photos = folders(
        tmp_path / "photos", "Rosa cf. canina", "Rosa canina L.", "rosa_canina", "Rosa canina 'Kiese'", "NA"
    )
    command = ("index", "build", *world.encoder, "--photos", photos, "--all-photos")
    done = dalip(*command, tmp_path / "flora")
    (taxon,) = read_taxa(current_version(tmp_path / "flora"))
    assert (taxon, taxon.scientific_name_authorship) == (Taxon("Rosa canina", genus="Rosa"), "L.")
    assert done.status == 1  # four photos were left out, and each is listed
    assert done.err.count("'Rosa cf. canina' is marked as doubtful and may mean Rosa canina") == 2
    assert done.err.count("'NA' says that there is no name") == 2
    assert "\"Rosa canina 'Kiese'\" is read as Rosa canina (higher taxon), without 'Kiese'" in done.err
    assert "skipped 4" in done.err
    done = dalip(*command, "--doubtful", "genus", tmp_path / "genera")
    assert taxa_in(tmp_path / "genera") == ["Rosa", "Rosa canina"]
    assert done.err.count("marked as doubtful") == 0


def test_photos_count_for_the_listed_taxon(dalip: Dalip, world: World, tmp_path: Path) -> None:
    photos = folders(tmp_path / "photos", "Rosa canina L.", "Dog Rose", "Rosa cannina", "Quercus robur")
    listed = tmp_path / "taxa.csv"
    listed.write_text("scientificName,vernacularName\nRosa canina,dog rose\n", encoding="utf-8")
    done = dalip(
        "index", "build", *world.encoder, "--taxa", listed, "--photos", photos, "--all-photos", tmp_path / "f"
    )
    assert (taxa_in(tmp_path / "f"), done.status) == (["Rosa canina"], 0)
    assert "6 photos as evidence" in done.out
    assert '"Rosa cannina" is read as Rosa canina (spelling)' in done.err
    assert "skipped 2 photos without a taxon of" in done.err
    done = dalip("index", "add", *world.encoder, "--flora", tmp_path / "f", photos, "--all-photos")
    assert taxa_in(tmp_path / "f") == ["Rosa canina", "Quercus robur"]


@pytest.mark.parametrize(
    ("only", "taxa"),
    [
        ("rosa canina L.", {"Rosa canina"}),
        ("Dog-rose", {"Rosa canina"}),
        ("eglantier", {"Rosa canina"}),
        ("Rosa x alba", {"Rosa × alba"}),
        ("Rosa canina agg.", {"Rosa canina"}),
        ("Rosa sp.", {"Rosa canina", "Rosa × alba", "Rosa rugosa"}),
    ],
)
def test_only_takes_names_as_people_write_them(
    dalip: Dalip, world: World, flora: Path, tmp_path: Path, only: str, taxa: set[str]
) -> None:
    photo = paint(tmp_path / "red.png", "red", 1)
    done = dalip("identify", photo, *world.encoder, "--flora", flora, "--only", only, "--json")
    assert {p["scientificName"] for p in json.loads(done.lines[0])["predictions"]} == taxa


@pytest.mark.parametrize(
    ("only", "words"),
    [
        ("Rosa cf. canina", "marked as doubtful and may mean Rosa canina"),
        ("garden rose", "may mean Rosa × alba | Rosa rugosa"),
        ("https://example.org/rosa", "is not the scientific name of a plant"),
        ("the red one by the gate", "is not the scientific name of a plant"),
        ("x" * 300, "is not the scientific name of a plant"),
        ("🌹", "is not the scientific name of a plant"),
    ],
)
def test_what_is_not_one_name_is_refused_in_one_line(
    dalip: Dalip, world: World, flora: Path, tmp_path: Path, only: str, words: str
) -> None:
    photo = paint(tmp_path / "red.png", "red", 1)
    for command in (
        ("identify", photo, "--only", only),
        ("index", "add", "--taxon", only, photo),
        ("index", "remove", "--taxon", only),
    ):
        done = dalip(*command, *world.encoder, "--flora", flora)
        assert (done.status, len(done.err.splitlines())) == (1, 1), done.err
        assert words in done.err


def test_a_taught_plant_is_found_by_any_spelling(
    dalip: Dalip, world: World, flora: Path, tmp_path: Path
) -> None:
    photos = [paint(tmp_path / f"{seed}.png", "blue", seed) for seed in range(2)]
    command = ("index", "add", *world.encoder, "--flora", flora)
    done = dalip(*command, "--taxon", "monstera_deliciosa Liebm.", *photos)
    assert (done.status, "knows Monstera deliciosa from 2 photos" in done.out) == (0, True)
    assert read_taxa(current_version(flora))[-1].scientific_name_authorship == "Liebm."
    done = dalip(*command, "--taxon", "rosa canina L.", *photos)
    assert "already contains Rosa canina" in done.err
    done = dalip("index", "remove", *world.encoder, "--flora", flora, "--taxon", "MONSTERA DELICIOSA")
    assert done.status == 0
    assert "Monstera deliciosa" not in taxa_in(flora)


def test_a_flora_without_authors_is_read(world: World, flora: Path, tmp_path: Path) -> None:
    assert [taxon.scientific_name_authorship for taxon in read_taxa(current_version(flora))] == ["L.", "", ""]
    folder = current_version(flora)
    with open_catalogue(folder) as connection:
        copy = tmp_path / "catalogue.db"
        connection.execute("VACUUM INTO ?", [str(copy)])
    with closing(sqlite3.connect(copy)) as old, old:
        old.execute('ALTER TABLE taxa DROP COLUMN "scientificNameAuthorship"')
    assert read_taxa(tmp_path) == read_taxa(folder)


def test_names_in_the_journal(world: World, flora: Path, tmp_path: Path) -> None:
    names, say = load_flora(flora, world.bundle).names, language()
    assert named_by_user("rosa canina L.", names, say) == ("Rosa canina", "")
    assert named_by_user("  ", names, say) == ("", "")
    name, told = named_by_user("Rosa rugossa", names, say)
    assert name == "Rosa rugosa"
    assert "is read as Rosa rugosa (spelling)" in told
    journal = Journal(tmp_path / "data")
    for number, name in enumerate(("dog rose", "Quercus robur L.", "the red one by the gate")):
        seen = Observation(
            f"{number:032x}", "2026-05-01", "Flos red", "species", "", 0.5, "unsure", name=name
        )
        assert journal.add(seen, [paint(tmp_path / f"{number}.jpg", "pink", number).read_bytes()])
    said: list[str] = []
    found = lessons(
        journal, flora, None, Encoder.load(world.bundle), lambda skipped: said.append(skipped.error.kind)
    )
    assert [lesson.name for lesson in found] == ["Quercus robur"]
    assert said == ["name-not-scientific"]


def test_the_api_gives_the_author(world: World, flora: Path, tmp_path: Path) -> None:
    photo = paint(tmp_path / "red.png", "red", 1)
    with serving(replace(world, flora=flora), tmp_path) as served, served.client() as client:
        answer = client.post("/v2/identify/all", files={"images": photo.read_bytes()}).json()
    names = [result["species"] for result in answer["results"]]
    assert {
        (n["scientificNameWithoutAuthor"], n["scientificNameAuthorship"], n["scientificName"]) for n in names
    } >= {
        ("Rosa canina", "L.", "Rosa canina L."),
        ("Rosa rugosa", "", "Rosa rugosa"),
    }
