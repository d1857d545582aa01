"""Taxa survive a Darwin Core round trip, and invalid ones are refused."""

from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dalip.errors import DataError
from dalip.ranks import RANKS
from dalip.taxonomy import Taxon, VernacularName, reference_links

words = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=12)
phrases = st.lists(words, min_size=1, max_size=3).map(" ".join)
taxa = st.builds(
    Taxon,
    scientific_name=phrases,
    taxon_rank=st.sampled_from(RANKS),
    vernacular_names=st.lists(
        st.builds(VernacularName, name=phrases, language=st.sampled_from(["en", "fr", "zh"])), max_size=3
    ).map(tuple),
    genus=words,
    family=st.just("") | words,
    order=st.just("") | words,
    references=st.lists(words.map("https://example.org/{}".format), max_size=3).map(tuple),
)

POPPY = Taxon(
    "Eschscholzia californica",
    vernacular_names=(VernacularName("California poppy"), VernacularName("pavot de Californie", "fr")),
    genus="Eschscholzia",
    family="Papaveraceae",
    order="Ranunculales",
)


@given(taxa)
def test_darwin_core_round_trip(taxon: Taxon) -> None:
    assert Taxon.from_darwin_core(taxon.to_darwin_core()) == taxon


def test_only_the_name_is_needed() -> None:
    assert Taxon.from_darwin_core({"scientificName": "Viola ocellata"}) == Taxon(
        "Viola ocellata", genus="Viola"
    )
    assert Taxon.from_darwin_core({"scientificName": "Rosa"}) == Taxon("Rosa", "genus", genus="Rosa")
    family = Taxon.from_darwin_core({"scientificName": "Rosaceae", "taxonRank": "FAMILY"})
    assert family == Taxon("Rosaceae", "family")
    assert (
        Taxon.from_darwin_core({"scientificName": " Viola \t ocellata "}).scientific_name == "Viola ocellata"
    )


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("poppy|fr:pavot|DE: Mohn ", [("poppy", "en"), ("pavot", "fr"), ("Mohn", "de")]),
        ("| |", []),
        ("fr:", [("fr:", "en")]),
        ("12:30 flower", [("12:30 flower", "en")]),
        (
            "zh-Hans:南天竹|pt-BR:nandina|eng:sacred bamboo",
            [("南天竹", "zh"), ("nandina", "pt"), ("sacred bamboo", "en")],
        ),
        ("haw:ʻōhiʻa lehua", [("ʻōhiʻa lehua", "haw")]),
        ("note: a flower", [("note: a flower", "en")]),
    ],
)
def test_common_names_with_languages(text: str, names: list[tuple[str, str]]) -> None:
    taxon = Taxon.from_darwin_core({"scientificName": "Papaver rhoeas", "vernacularName": text})
    assert [(v.name, v.language) for v in taxon.vernacular_names] == names


def test_the_preferred_common_name_is_the_first_english_one() -> None:
    assert POPPY.vernacular_name == "California poppy"
    assert replace(POPPY, vernacular_names=POPPY.vernacular_names[1:]).vernacular_name == ""


@pytest.mark.parametrize(
    ("outer", "inner", "contained"),
    [
        (Taxon("Viola", "genus", genus="Viola"), Taxon("Viola ocellata", genus="Viola"), True),
        (Taxon("Viola", "genus", genus="Viola"), Taxon("Rosa canina", genus="Rosa"), False),
        (Taxon("Violaceae", "family"), Taxon("Viola", "genus", genus="Viola", family="Violaceae"), True),
        (Taxon("Viola adunca", genus="Viola"), Taxon("Viola adunca bella", "variety", genus="Viola"), True),
        (Taxon("Viola adunca", genus="Viola"), Taxon("Viola aduncata", "variety", genus="Viola"), False),
        (Taxon("Viola ocellata", genus="Viola"), Taxon("Viola", "genus", genus="Viola"), False),
    ],
)
def test_containment(outer: Taxon, inner: Taxon, contained: bool) -> None:
    assert outer.contains(inner) is contained


@given(taxa)
def test_nothing_contains_itself(taxon: Taxon) -> None:
    assert not taxon.contains(taxon)


@given(taxa)
def test_reference_links_are_urls(taxon: Taxon) -> None:
    links = reference_links(taxon)
    assert list(links) == ["GBIF", "POWO", "Wikipedia"]
    for link in links.values():
        assert urlsplit(link).scheme == "https"
        assert link.isascii()
        assert " " not in link


def test_a_recorded_wikipedia_page_is_kept() -> None:
    page = "https://en.wikipedia.org/wiki/California_poppy"
    assert reference_links(replace(POPPY, references=("https://example.org", page)))["Wikipedia"] == page


@pytest.mark.parametrize("bad", [{"scientific_name": "  "}, {"taxon_rank": "kingdom"}])
def test_invalid_taxa_are_refused(bad: dict[str, str]) -> None:
    with pytest.raises(DataError):
        replace(POPPY, **bad)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "rank", "genus"),
    [
        ("Rosa", "genus", "Rosa"),
        ("Rosa rugosa", "species", "Rosa"),
        ("Rosa rugosa var. alba", "variety", "Rosa"),
        ("Rosa rugosa subsp. alba", "subspecies", "Rosa"),
        ("Rosa rugosa f. alba", "form", "Rosa"),
        ("Rosa rugosa 'Hansa'", "cultivar", "Rosa"),
        ("Mentha × piperita", "species", "Mentha"),
        ("× Cuprocyparis leylandii", "species", "× Cuprocyparis"),
        ("x Cuprocyparis", "genus", "x Cuprocyparis"),
    ],
)
def test_rank_and_genus_are_derived_from_the_name(name: str, rank: str, genus: str) -> None:
    taxon = Taxon.from_darwin_core({"scientificName": name})
    assert (taxon.taxon_rank, taxon.genus) == (rank, genus)
