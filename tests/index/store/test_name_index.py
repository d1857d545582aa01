"""Names are found in the tables of a catalogue as they are found among all names in memory."""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz import fuzz, process, utils

from dalip.datasets.names.resolver import Resolver
from dalip.taxon_tree import TaxonTree, place_taxa
from dalip.taxonomy import Taxon, VernacularName
from dalip_index import load_flora
from dalip_index.store.catalogue import CATALOGUE, StoredTaxa, write_catalogue
from dalip_index.store.name_index import NameIndex
from dalip_index.store.name_tables import write_names

ODD = (
    Taxon("Salix alba × fragilis", synonyms=("Salix × rubens", "Salix alba × S. fragilis")),
    Taxon("Capsella bursa-pastoris", vernacular_names=(VernacularName("Shepherd's-purse"),)),
    Taxon("Prunus domestica subsp. insititia", "subspecies", genus="Prunus", synonyms=("Prunus insititia",)),
    Taxon("Prunus domestica var. italica", "variety", genus="Prunus"),
    Taxon("Rosa 'Peace'", "cultivar", genus="Rosa"),
    Taxon("Rubus fruticosus agg.", scientific_name_authorship="L."),
    Taxon("Festuca glauca", scientific_name_authorship="Vill.", synonyms=("Festuca ovina",)),
    Taxon("Hypericum perforatum", vernacular_names=(VernacularName("St. John's wort"),)),
    Taxon(
        "Zea mays_", "species", vernacular_names=(VernacularName("玉米", "zh"), VernacularName("मक्का", "hi"))
    ),
)
LETTERS = "abcdefghijklmnopqrstuvwxyz -'.×L"


@pytest.fixture(scope="module")
def taxa() -> tuple[Taxon, ...]:
    odd = {taxon.scientific_name for taxon in ODD}
    return (*(taxon for taxon in load_flora().taxa if taxon.scientific_name not in odd), *ODD)


def in_catalogue(folder: Path, taxa: Sequence[Taxon], *, tables: bool = True) -> TaxonTree:
    higher, above = place_taxa(taxa)
    write_catalogue(folder / CATALOGUE, taxa, higher, [], [])
    if tables:
        with closing(sqlite3.connect(folder / CATALOGUE)) as connection, connection:
            write_names(connection, taxa, higher)
    stored = StoredTaxa(folder, len(taxa))
    return TaxonTree(stored, (StoredTaxa(folder, len(higher), "higher_taxa"), above), stored.rows)


@pytest.fixture(scope="module")
def tree(taxa: tuple[Taxon, ...], tmp_path_factory: pytest.TempPathFactory) -> TaxonTree:
    return in_catalogue(tmp_path_factory.mktemp("flora"), taxa)


@pytest.fixture(scope="module")
def index(tree: TaxonTree) -> NameIndex:
    return NameIndex(tree)


@pytest.fixture(scope="module")
def found(index: NameIndex) -> Resolver:
    return Resolver(index)


@pytest.fixture(scope="module")
def expected(tree: TaxonTree) -> Resolver:
    return Resolver.of(tree.nodes)


@pytest.fixture(scope="module")
def names(tree: TaxonTree) -> list[str]:
    every = ((t.scientific_name, *t.synonyms, *(v.name for v in t.vernacular_names)) for t in tree.nodes)
    return list(dict.fromkeys(name for some in every for name in some))


def test_all_names_are_resolved_as_among_names_in_memory(
    names: list[str], found: Resolver, expected: Resolver
) -> None:
    assert len(names) > 20_000
    for name in names[::2]:
        assert found.resolve(name) == expected.resolve(name)


@pytest.mark.parametrize(
    "change",
    [
        lambda name: f"{name[0]}. {name.partition(' ')[2]}",
        lambda name: f"{name} L.",
        lambda name: f"{name} 'Kiese'",
        lambda name: f"{name} subsp. alba",
        lambda name: f"cf. {name}",
        lambda name: name.replace("-", ""),
        lambda name: name.replace("-", " "),
        lambda name: name.replace(" subsp. ", " ").replace(" var. ", " "),
        lambda name: name.replace(" subsp. ", " var. "),
        lambda name: name.replace("×", "x"),
    ],
)
def test_names_written_in_another_way_are_resolved_as_among_names_in_memory(
    change: Callable[[str], str], tree: TaxonTree, found: Resolver, expected: Resolver
) -> None:
    plain = [name for node in tree.nodes[::40] if (name := node.scientific_name).count(" ")]
    marked = [t.scientific_name for t in tree.nodes if set(t.scientific_name) & set("-.×'")]
    for name in (*plain, *marked):
        assert found.resolve(change(name)) == expected.resolve(change(name))
        assert found.named(change(name)) == expected.named(change(name))


@st.composite
def misspellings(draw: st.DrawFn, names: Sequence[str]) -> str:
    letters = list(draw(st.sampled_from(names)))
    for _ in range(draw(st.integers(1, 3))):
        place, letter = draw(st.integers(0, len(letters) - 1)), draw(st.sampled_from(LETTERS))
        cut = draw(st.integers(0, 1))
        letters[place : place + cut] = (
            draw(st.sampled_from([[letter], [letter, letter], []])) or letters[place:place]
        )
        letters = letters or ["a"]
    return "".join(letters)


@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_misspelt_names_are_resolved_as_among_names_in_memory(
    data: st.DataObject, names: list[str], found: Resolver, expected: Resolver
) -> None:
    name = data.draw(misspellings(names))
    assert found.resolve(name) == expected.resolve(name)


def scanned(taxa: Sequence[Taxon], text: str) -> list[Taxon]:
    """Find taxa by comparing a text with all names of all taxa: words that begin like it, or else a fuzzy match."""
    asked = " ".join(utils.default_process(text).split())
    of, cleaned = list[Taxon](), list[str]()
    for taxon in taxa:
        for name in (
            taxon.scientific_name,
            taxon.family,
            taxon.order,
            *(v.name for v in taxon.vernacular_names),
        ):
            if name:
                of.append(taxon)
                cleaned.append(utils.default_process(name))
    plain = [" ".join(name.split()) for name in cleaned]
    meant = {
        t.scientific_name: t for t, name in zip(of, plain, strict=True) if asked and f" {asked}" in f" {name}"
    }
    whole = {taxon.scientific_name for taxon, name in zip(of, plain, strict=True) if asked == name}
    if meant:
        return [meant[name] for name in sorted(meant, key=lambda name: (name not in whole, name))]
    best: dict[Taxon, float] = {}
    for _, score, place in process.extract(
        utils.default_process(text), cleaned, scorer=fuzz.WRatio, limit=None, score_cutoff=75
    ):
        best.setdefault(of[place], score)
    return sorted(best, key=lambda taxon: (-best[taxon], taxon.scientific_name))


@pytest.mark.parametrize(
    "text",
    [
        *(
            "a",
            "z",
            "ro",
            "ros",
            "rosa",
            "Rosa can",
            "rosaceae",
            "Rosales",
            "lily",
            "lady's",
            "st john",
            "ST. JOHN'S W",
        ),
        *(
            "玉",
            "मक्का",
            "bursa p",
            "Bursa-Pastoris",
            "é",
            "×",
            "salix alba f",
            "a b",
            "rosa rosaceae",
            "mays_",
            "3",
        ),
        *("zzzzqq", "dalia", "califrnia popy", "Sonnenblum", "T. grandiflorum", "?", "|", '"', "rosa OR"),
    ],
)
def test_the_beginning_of_a_word_or_a_misspelt_name_finds_the_same_taxa_as_a_scan(
    text: str, tree: TaxonTree, index: NameIndex
) -> None:
    expected = scanned(tree.taxa, text)
    taxa = index.beginning(text, len(tree.taxa))
    assert (taxa or index.similar(text)) == expected
    assert index.count(text) == len(taxa)
    assert index.beginning(text, 3) == taxa[:3]
    part = np.arange(0, len(tree.taxa), 3)
    held = index.among(part)
    assert (held.beginning(text, len(part)) or held.similar(text)) == scanned(
        [tree.taxa[row] for row in part.tolist()], text
    )
    assert held.count(text) == len(held.beginning(text, len(part)))


def test_some_of_the_taxa_are_found_as_if_there_were_no_others(tree: TaxonTree, index: NameIndex) -> None:
    rows = np.flatnonzero(np.arange(len(tree.taxa)) % 7 == 0)
    part, higher = tree.part(rows)
    alone = TaxonTree([tree.taxa[row] for row in rows.tolist()])
    assert [node.scientific_name for node in part.nodes] == [node.scientific_name for node in alone.nodes]
    np.testing.assert_array_equal(part.above_rows, alone.above_rows)
    assert part.rows == alone.rows
    found, expected = Resolver(index.among(rows, higher)), Resolver.of(part.nodes)
    for node in tree.nodes[::5]:
        for name in (node.scientific_name, node.scientific_name[:-2] + "o", *node.synonyms):
            assert found.resolve(name) == expected.resolve(name)
    assert index.among(rows).languages() == {
        v.language for taxon in alone.taxa for v in taxon.vernacular_names
    }
    assert index.among(rows).first(5) == sorted(alone.taxa, key=lambda taxon: taxon.scientific_name)[:5]


def test_a_flora_without_the_tables_finds_the_same(
    taxa: tuple[Taxon, ...], tmp_path: Path, index: NameIndex, found: Resolver
) -> None:
    without = NameIndex(in_catalogue(tmp_path, taxa, tables=False))
    for name in (
        "Rosa canina",
        "Rosa cannina",
        "dog rose",
        "R. canina",
        "Salix alba × fragilis",
        "Rosaceae",
        "?",
    ):
        assert Resolver(without).resolve(name) == found.resolve(name)
        assert without.beginning(name, 50) == index.beginning(name, 50)
        assert without.similar_names(name, 3) == index.similar_names(name, 3)
    assert without.languages() == index.languages() >= {"en", "zh", "hi"}
    assert without.starting("ROSA C", slice(1, 4)) == index.starting("rosa c", slice(1, 4))


def test_names_of_many_taxa_are_compared_only_with_similar_ones(tree: TaxonTree) -> None:
    many = NameIndex(tree, compared=2_000)
    for text, name in (
        ("dalia", "Dahlia"),
        ("califrnia popy", "Eschscholzia californica"),
        ("Sonnenblum", "Helianthus annuus"),
        ("Roza cannina", "Rosa canina"),
        ("cannina", "Rosa canina"),
        ("Rosaceea", "Rosa canina"),
    ):
        assert name in [taxon.scientific_name for taxon in many.similar(text)], text
    assert many.similar("zzzzqq") == many.similar("?") == []
    for text, name in (("Roza cannina", "Rosa canina"), ("Rosacea", "Rosaceae"), ("Dalia", "Dahlia")):
        assert many.similar_names(text, 3)[0] == name


def test_names_begin_with_any_letters_in_any_case(tmp_path: Path) -> None:
    odd = (Taxon("Éa alba"), Taxon("50% alba"), replace(ODD[0], scientific_name="_a alba"), Taxon("Ea alba"))
    index = NameIndex(in_catalogue(tmp_path, odd))
    for prefix, rows in (
        ("éA", [0]),
        ("5", [1]),
        ("%", []),
        ("_", [2]),
        ("ea", [3]),
        ("", [0, 1, 2, 3]),
        ("xx", []),
    ):
        assert index.starting(prefix, slice(None)) == [odd[row] for row in rows], prefix


def test_a_catalogue_of_many_taxa_has_the_tables(tmp_path: Path) -> None:
    for number in (9_999, 10_000):
        (folder := tmp_path / f"{number}").mkdir()
        many = [Taxon(f"Rosa {'abcdefghij'[row % 10]}{row}") for row in range(number)]
        tree = in_catalogue(folder, many, tables=False)
        assert isinstance(tree.taxa, StoredTaxa)
        assert tree.taxa.has_names == (number == 10_000)
        assert Resolver(NameIndex(tree)).resolve("Rosa b51").taxon == Taxon("Rosa b51")
