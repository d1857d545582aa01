"""The taxa of the built-in flora, and the scripts that make their list."""

import csv
import gzip
import io
import json
import tarfile
from collections import Counter
from pathlib import Path

import pytest
from paths import SHARED_DATA

from dalip.datasets import read_taxa
from dalip.datasets.names.resolver import Resolver
from dalip.taxon_tree import check_taxonomy
from dalip_assets.english_names import EnglishNames
from dalip_assets.likely_species import likely_first
from dalip_assets.make_taxa import HAND_MADE, NameLists, make_taxa

TAXA = HAND_MADE.with_name("taxa.csv")
MIXED = ["giant rose lily", "wild rose lily", "Texas sage", "Texas bluebell", "Texas aster", "blue rose"]


def test_list_is_complete() -> None:
    taxa = read_taxa(TAXA)
    check_taxonomy(taxa)
    for taxon in taxa:
        assert taxon.genus, taxon
        assert taxon.family.endswith("aceae"), taxon
        assert taxon.order.endswith("ales"), taxon
        assert all(link.startswith("https://en.wikipedia.org/wiki/") for link in taxon.references), taxon
        assert (taxon.taxon_rank == "genus") == (taxon.genus == taxon.scientific_name), taxon
    assert sum(bool(taxon.vernacular_name) for taxon in taxa) > 0.8 * len(taxa)
    assert len(taxa) > 6000


def test_manually_added_names_belong_to_listed_taxa() -> None:
    taxa = {taxon.scientific_name: taxon for taxon in read_taxa(TAXA)}
    with HAND_MADE.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            taxon = taxa[row["scientificName"]]
            assert taxon.vernacular_name, taxon
            assert taxon.references, taxon
            assert not row["english"] or taxon.vernacular_name == row["english"].split("|")[0]


@pytest.mark.parametrize(
    ("name", "accepted"),
    [
        ("Anagallis arvensis", "Lysimachia arvensis"),
        ("Lavatera trimestris", "Malva trimestris"),
        ("Aster novae-angliae", "Symphyotrichum novae-angliae"),
        ("Viola x wittrockiana", "Viola × wittrockiana"),
    ],
)
def test_synonyms_lead_to_the_listed_taxon(name: str, accepted: str) -> None:
    found = Resolver.of(read_taxa(TAXA)).named(name)
    assert found is not None
    assert found.scientific_name == accepted


def test_every_synonym_is_of_one_listed_taxon() -> None:
    taxa = read_taxa(TAXA)
    names = Counter(name for taxon in taxa for name in (taxon.scientific_name, *taxon.synonyms))
    assert [name for name, times in names.items() if times > 1] == []
    assert sum(len(taxon.synonyms) for taxon in taxa) > 300


@pytest.mark.parametrize(
    ("given", "cleaned"),
    [
        (["desert-rose", "Desert rose", " toad lilies. ", ""], ["desert-rose", "toad lilies"]),
        (["buttercups", "buttercup"], ["buttercups"]),
        (["Giant Rose Lily", "giant rose lily"], ["giant rose lily"]),
        (["Texas Bluebell", "texas bluebell"], ["Texas bluebell"]),
        (["common", "white", "bay", "wild", "big", "pink"], []),
        (["garden pink", "wild grass"], ["garden pink", "wild grass"]),
        (["Adenium obesum", "Iris × germanica", "Rosa canina var. dumetorum", "A. obesum"], []),
        (["Rosa canina", "rosa caninna", "Rosa lily", "Adenia obesum"], ["Rosa lily"]),
        (["Two-grooved Rose", "Jack-in-the-Pulpit"], ["two-grooved rose", "jack-in-the-pulpit"]),
        (["red-root amaranth, common amaranth"], ["red-root amaranth", "common amaranth"]),
        (["godetia, or satin flower"], ["satin flower"]),
        (["white or California false hellebore"], ["California false hellebore"]),
        (["kaya (榧)", "珍珠绣线菊", "Scotch (or Scottish) thistle)"], ["kaya", "Scotch thistle"]),
        (["Habitat", "Uses and possibilities", "Helleboreae", "Olea europaea 'Montra'"], []),
        (["St. John's wort", '"black persimmon"'], ["St. John's wort", "black persimmon"]),
        ([f"{word} rose" for word in "bcdeghij"], [f"{word} rose" for word in "bcdegh"]),
    ],
)  # fmt: skip
def test_english_names_are_cleaned(given: list[str], cleaned: list[str]) -> None:
    names = EnglishNames(MIXED, ["Rosa canina", "Adenium obesum", "Texas", "Iris germanica"])
    assert names.clean(given, "Adenium obesum") == cleaned


def test_species_that_people_meet_come_first() -> None:
    pages = {
        "Ficus rara": "Ficus rara is endemic to one valley, and threatened.",
        "Ficus alba": "Ficus alba is a tree.",
        "Ficus nota": "Ficus nota is cultivated in Europe.",
        "Ficus": "The genus has Ficus alba and Ficus longa.",
        "Ficus longa": "Ficus longa is a tree.",
    }
    species = {"Ficus rara": 1, "Ficus alba": 1, "Ficus nota": 2, "Ficus longa": 1}
    assert likely_first(species, pages, ["Ficus longa"]) == [
        "Ficus nota",
        "Ficus longa",
        "Ficus alba",
        "Ficus rara",
    ]


def _write_lists(folder: Path) -> None:
    rose = ("Rosa", "Rosaceae", "Rosales")
    listed = [
        *(("Rosa canina", "species", "dog rose", *rose), ("Rosa rugosa", "species", "beach rose", *rose)),
        *(("Rosa", "genus", "", *rose), ("Rosa x alba", "species", "", *rose)),
        ("Quercus robur", "species", "English oak", "Quercus", "Fagaceae", "Fagales"),
        ("Quercus alba", "species", "", "Quercus", "Fagaceae", "Fagales"),
    ]
    header = "scientificName\ttaxonRank\tvernacularName\tgenus\tfamily\torder"
    tables = {
        "checklist": [header, *("\t".join(row) for row in listed)],
        "synonyms": ["synonym\tacceptedName", "Rosa vulgaris\tRosa canina", "Chinese jujube\tRosa canina"],
        "vernacular-names": ["scientificName\tvernacularName", "Quercus alba\twhite oak"],
    }
    for name, lines in tables.items():
        with gzip.open(folder / f"{name}.tsv.gz", "wt", encoding="utf-8") as file:
            file.write("\n".join(lines))
    pages = [
        {"scientificName": name, "sourceTitle": title, "names": names, "description": f"{name} is a plant."}
        for name, title, names in (
            ("Rosa canina", "Rosa corymbifera", ["hedge rose"]),
            ("Rosa rugosa", "Rosa rugosa", ["hedge rose", "beach rose"]),
            ("Quercus robur", "English oak", ["pedunculate oak"]),
            ("Quercus alba", "Quercus alba", []),
        )
    ]
    with gzip.open(folder / "descriptions.jsonl.gz", "wt", encoding="utf-8") as file:
        file.write("\n".join(map(json.dumps, pages)))


def _write_shard(path: Path, *names: tuple[str, str]) -> None:
    with tarfile.open(path, "w") as shard:
        for number, (name, common) in enumerate(names):
            rank = "species" if " " in name else "genus"
            record = {"scientificName": name, "vernacularName": common, "taxonRank": rank}
            record |= {"genus": "Rosa", "family": "Rosaceae", "order": "Rosales"}
            content = json.dumps(record).encode()
            member = tarfile.TarInfo(f"{number}.json")
            member.size = len(content)
            shard.addfile(member, io.BytesIO(content))


def test_photos_of_a_synonym_count_for_the_accepted_taxon(tmp_path: Path) -> None:
    _write_lists(tmp_path)
    photos = (
        ("Rosa canina", "Hedge Rose"),
        ("Rosa vulgaris", ""),
        ("Rosa x alba", ""),
        ("Rosa rugosa", "hedge rose"),
    )
    _write_shard(tmp_path / "a.tar", *photos)
    rows = make_taxa([tmp_path / "a.tar"], NameLists(tmp_path))
    found = {row["scientificName"]: row for row in rows}
    assert [*found] == ["Rosa canina", "Rosa corymbifera", "Rosa rugosa", "Rosa vulgaris", "Rosa × alba"]
    assert {name: row["photos"] for name, row in found.items() if row["photos"]} == {
        "Rosa canina": "2",
        "Rosa rugosa": "1",
        "Rosa × alba": "1",
    }
    assert found["Rosa vulgaris"]["acceptedNameUsage"] == "Rosa canina"
    assert found["Rosa corymbifera"]["acceptedNameUsage"] == "Rosa canina"
    assert found["Rosa canina"]["references"].endswith("/Rosa_corymbifera")
    assert found["Rosa × alba"]["references"] == ""
    # Two taxa with the same preferred name get one that tells them apart.
    assert found["Rosa canina"]["vernacularName"] == "dog rose|hedge rose"
    assert found["Rosa rugosa"]["vernacularName"] == "beach rose|hedge rose"


def test_species_without_photos_are_added_on_request(tmp_path: Path) -> None:
    _write_lists(tmp_path)
    _write_shard(tmp_path / "a.tar", ("Rosa canina", ""))
    rows = make_taxa([tmp_path / "a.tar"], NameLists(tmp_path), text_only=2)
    assert [(row["scientificName"], row["family"]) for row in rows if row["photos"] == "0"] == [
        ("Quercus robur", "Fagaceae"),
        ("Rosa rugosa", "Rosaceae"),
    ]


def test_list_equals_the_output_of_the_script() -> None:
    shards = [
        path
        for pattern in ("inat-santa-cruz-*.tar", "oxford-flowers-*.tar", "more/plants-*.tar")
        for path in sorted(SHARED_DATA.glob(pattern))
    ]
    if not shards:
        pytest.skip("the photographs of ../shared/data are not there")
    with TAXA.open(encoding="utf-8", newline="") as lines:
        stored = list(csv.DictReader(lines))
    text_only = sum(row["photos"] == "0" for row in stored)
    assert make_taxa(shards, NameLists(SHARED_DATA), text_only) == stored
