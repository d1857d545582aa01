"""The lists of harmful plants and of confusions are valid, and plants are found in them under every spelling."""

import csv
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dalip.errors import DataError
from dalip.scientific_name import read_name
from dalip.taxon_tree import check_taxonomy
from dalip.taxonomy import Taxon
from dalip_assets import CONFUSIONS, HARM_SOURCES, POISONOUS
from dalip_index import hazard_of
from dalip_index.flora.hazards import HARMS, confusions_of, hazards_in


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


ROWS, PAIRS, SOURCES = rows_of(POISONOUS), rows_of(CONFUSIONS), rows_of(HARM_SOURCES)
GENERA = {row["scientificName"]: row for row in ROWS if row["taxonRank"] == "genus"}
SPECIES = {row["scientificName"]: row for row in ROWS if row["taxonRank"] == "species"}


def taxon(name: str, rank: str = "") -> Taxon:
    return Taxon.from_darwin_core({"scientificName": name, "taxonRank": rank})


@pytest.mark.parametrize(
    ("name", "rank", "harm"),
    [
        ("Conium maculatum", "species", "deadly"),
        ("Conium", "genus", "deadly"),
        ("Aconitum napellus", "species", "deadly"),
        ("Prunus laurocerasus", "species", "poisonous"),
        ("Prunus", "genus", "poisonous"),
        ("Toxicodendron diversilobum", "species", "harms the skin"),
        ("Digitalis purpurea subsp. mariana", "subspecies", "deadly"),
        # synonyms and accepted names
        ("Senecio jacobaea", "species", "poisonous"),
        ("Jacobaea vulgaris", "species", "poisonous"),
        ("Thevetia peruviana", "species", "deadly"),
        ("Cascabela thevetia", "species", "deadly"),
        ("Zigadenus venenosus", "species", "deadly"),
        ("Toxicoscordion venenosum", "species", "deadly"),
        ("Rhus radicans", "species", "harms the skin"),
        ("Toxicodendron radicans", "species", "harms the skin"),
        ("Urginea maritima", "species", "deadly"),
        ("Consolida ajacis", "species", "deadly"),
        ("Eupatorium rugosum", "species", "deadly"),
        ("Atractylis gummifera", "species", "deadly"),
        ("Tamus communis", "species", "poisonous"),
        # other spellings
        ("Digitalis × mertonensis", "species", "deadly"),
        ("Brugmansia x candida 'Grand Marnier'", "cultivar", "deadly"),
        ("Digitalis purpurea × grandiflora", "species", "deadly"),
        ("Datura sp.", "genus", "deadly"),
        ("ATROPA BELLADONNA L.", "species", "deadly"),
        ("Cólchicum autumnále", "species", "deadly"),
        ("Aconitum napellus subsp. lusitanicum Rouy", "subspecies", "deadly"),
        ("Taxus baccata 'Fastigiata'", "cultivar", "deadly"),
    ],
)
def test_harmful_plants_are_found(name: str, rank: str, harm: str) -> None:
    found = hazard_of(taxon(name, rank))
    assert found is not None
    assert found.harm == harm
    assert found.how
    assert found.source


@pytest.mark.parametrize(
    ("name", "rank"),
    [
        ("Bellis perennis", "species"),
        ("Rhus typhina", "species"),
        ("Apiaceae", "family"),
        ("Apiales", "order"),
    ],
)
def test_plants_that_are_not_listed_have_no_hazard(name: str, rank: str) -> None:
    assert hazard_of(taxon(name, rank)) is None


def test_a_row_that_is_edited_by_hand_stays_valid() -> None:
    names = [row["scientificName"] for row in ROWS]
    assert names == sorted(set(names))
    assert len(names) > 400
    for row in ROWS:
        read = Taxon.from_darwin_core(row)
        assert row["harm"] in HARMS, row
        assert row["taxonRank"] == ("species" if " " in row["scientificName"] else "genus"), row
        assert read.family.endswith("aceae"), row
        assert read.order.endswith("ales"), row
        assert {name.language for name in read.vernacular_names} <= {"en", "fr"}, row
        for words in (row["how"], row["how_fr"]):
            assert 0 < len(words) < 140, row
            assert words == words.strip(" ."), row
        assert row["how"].isascii(), row
        assert row["how"] != row["how_fr"], row
        assert "'" not in row["how_fr"], row  # a typographic apostrophe, as everywhere in French
    check_taxonomy([Taxon.from_darwin_core(row) for row in ROWS])


def test_every_row_has_a_known_source_and_every_source_is_used() -> None:
    keys = [row["source"] for row in SOURCES]
    assert keys == sorted(set(keys))
    assert all(row["citation"] for row in SOURCES)
    assert {row["source"] for row in (*ROWS, *PAIRS)} == set(keys)


def test_a_synonym_stands_for_one_listed_taxon() -> None:
    synonyms = [name for row in ROWS for name in row["synonyms"].split("|") if name]
    assert len(set(synonyms)) == len(synonyms)
    assert not {row["scientificName"] for row in ROWS} & set(synonyms)
    for name in synonyms:
        parts = read_name(name)
        assert parts is not None
        assert parts.canonical == name


def test_species_rows_say_more_than_their_genus() -> None:
    for name, row in SPECIES.items():
        genus = GENERA.get(name.partition(" ")[0])
        if genus:
            assert (row["harm"], row["how"]) != (genus["harm"], genus["how"]), name
            same_family = (row["family"], row["order"]) == (genus["family"], genus["order"])
            assert same_family, name
            # What every species of a genus does, no species may do less of.
            assert HARMS.index(row["harm"]) <= HARMS.index(genus["harm"]), name


def test_confusions_are_valid() -> None:
    pairs = [(row["scientificName"], row["confusedWith"]) for row in PAIRS]
    assert pairs == sorted(set(pairs))
    for name, other in pairs:
        assert other in GENERA or other in SPECIES, other
        found = confusions_of(taxon(name))
        assert other in [hazard.taxon.scientific_name for hazard in found]
        assert hazard_of(taxon(name)) != hazard_of(taxon(other)), name


def test_a_confusion_of_a_genus_holds_for_its_species_and_one_of_a_species_for_its_genus() -> None:
    def names(name: str) -> set[str]:
        return {hazard.taxon.scientific_name for hazard in confusions_of(taxon(name))}

    assert (
        {"Conium", "Cicuta", "Oenanthe crocata"} <= names("Daucus carota subsp. sativus") == names("Daucus")
    )
    assert {"Conium", "Aethusa"} <= names("Anthriscus sylvestris (L.) Hoffm.")
    assert {"Convallaria", "Colchicum", "Arum", "Veratrum"} <= names("Allium ursinum")
    assert "Arum" not in names("Allium schoenoprasum")
    assert "Arum" in names("Allium")
    assert names("Bellis perennis") == set()
    assert confusions_of(taxon("Apiaceae", "family")) == ()


@pytest.mark.parametrize(
    ("family", "inside"),
    [
        ("Papilionaceae", "Abrus"),
        ("Asclepiadaceae", "Calotropis"),
        ("Illiciaceae", "Illicium anisatum"),
        ("Lobeliaceae", "Hippobroma"),
        ("Trilliaceae", "Paris"),
        ("Hippocastanaceae", "Aesculus"),
        ("Fumariaceae", "Corydalis"),
        ("Podophyllaceae", "Podophyllum"),
        ("Agapanthaceae", "Agapanthus"),
    ],
)
def test_families_of_earlier_classifications_are_known(family: str, inside: str) -> None:
    assert inside in {hazard.taxon.scientific_name for hazard in hazards_in(Taxon(family, "family"))}


def test_a_genus_family_or_order_names_the_worst_in_it() -> None:
    def names(name: str, rank: str) -> set[str]:
        return {hazard.taxon.scientific_name for hazard in hazards_in(taxon(name, rank))}

    assert names("Apiaceae", "family") == {"Aethusa", "Cicuta", "Conium", "Oenanthe crocata"}
    assert names("Umbelliferae", "family") == names("Apiaceae", "family")
    assert names("Apiales", "order") == names("Apiaceae", "family")
    assert names("Anacardiaceae", "family") >= {"Toxicodendron"}
    assert names("Oenanthe", "genus") == {"Oenanthe crocata"}
    assert names("Papaver", "genus") == {"Papaver somniferum"}
    assert names("Conium", "genus") == set()  # the genus is listed itself
    assert {"Convallaria", "Colchicum", "Veratrum"} <= names("Liliaceae", "family")
    assert "Convallaria" in names("Asparagaceae", "family") > names("Hyacinthaceae", "family")
    assert names("Pinaceae", "family") == set()


def test_a_species_has_a_deadly_relative() -> None:
    (found,) = hazards_in(taxon("Oenanthe javanica"))
    assert found.taxon.scientific_name == "Oenanthe crocata"
    assert hazards_in(taxon("Oenanthe crocata")) == ()
    assert hazards_in(taxon("Acer campestre")) == ()  # what harms horses needs no caution about other maples


epithets = st.sampled_from(["alba", "vulgaris", "fictus", "novae-angliae", "maackii", "x-album"])
authors = st.sampled_from(["", " L.", " (L.) Mill.", " Müll.Arg.", " Hook. & Arn.", " DC. ex Link", " L. f."])
signs = st.sampled_from([" ", " x ", " × ", " ×"])
ends = st.sampled_from(
    ["", " subsp. minor", " var. alba Hook.", " f. rosea", " 'Red Robin'", " cv. Superba", " agg.", " hybrid"]
)


@given(st.sampled_from(sorted(GENERA)), epithets, authors, signs, ends, st.booleans())
def test_every_species_below_a_listed_genus_is_harmful(
    genus: str, epithet: str, author: str, sign: str, end: str, loud: bool
) -> None:
    name = f"{genus}{sign}{epithet}{author}{end}"
    name = name.upper() if loud and not author and not end else name
    found = hazard_of(Taxon(name, "species"))
    assert found is not None, name
    assert HARMS.index(found.harm) <= HARMS.index(GENERA[genus]["harm"])


@given(st.sampled_from(sorted(SPECIES)), authors, signs, ends)
def test_every_listed_species_is_found_as_itself(name: str, author: str, sign: str, end: str) -> None:
    found = hazard_of(Taxon(name.replace(" ", sign) + author + end, "species"))
    assert found is not None
    assert found.taxon.scientific_name == name


@given(st.sampled_from([(n, row) for row in ROWS for n in row["synonyms"].split("|") if n]), authors)
def test_every_synonym_is_found(synonym: tuple[str, dict[str, str]], author: str) -> None:
    name, row = synonym
    found = hazard_of(Taxon(name + author, "species"))
    assert found is not None
    assert found.taxon.scientific_name == row["scientificName"]


@given(st.text(min_size=1, max_size=40))
@example("+")
def test_any_name_can_be_looked_up(name: str) -> None:
    try:
        odd = Taxon(name, "species")
    except DataError:
        return  # it cannot be in a flora
    for look_up in (hazard_of, hazards_in, confusions_of):
        look_up(odd)


def test_what_poisons_people_comes_first() -> None:
    harms = [hazard.source for hazard in hazards_in(taxon("Solanaceae", "family"))]
    handbooks = ["Nelson" in source or "Frohne" in source for source in harms]
    assert all(one >= other for one, other in pairwise(handbooks))
