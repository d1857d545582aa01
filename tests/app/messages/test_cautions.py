"""Cautions: about the answer, what it contains, other likely plants, look-alikes and confusions, each once."""

import dataclasses
from collections.abc import Sequence

import pytest

from dalip.ranks import RANKS
from dalip.taxonomy import Taxon, VernacularName
from dalip_app.messages.cautions import cautions, known_harm
from dalip_app.messages.language import language
from dalip_app.server.plantnet import AskedFor, plantnet_answer
from dalip_index import Identification, Prediction, Verdict
from dalip_index.flora.answer import Lazy

DAISY = Taxon("Bellis perennis", "species", (VernacularName("daisy"),), "Bellis", "Asteraceae")
HEMLOCK = Taxon("Conium maculatum", "species", (VernacularName("poison hemlock"),), "Conium", "Apiaceae")
SUMAC = Taxon("Toxicodendron diversilobum", "species", (), "Toxicodendron", "Anacardiaceae")
ASTERS = Taxon("Asteraceae", "family")
CARROT = Taxon("Daucus carota", "species", (), "Daucus", "Apiaceae", "Apiales")
CHERVIL = Taxon("Anthriscus sylvestris", "species", (), "Anthriscus", "Apiaceae", "Apiales")
UMBELS = Taxon("Apiaceae", "family", order="Apiales")


def plain(name: str, rank: str = "species") -> Taxon:
    return Taxon.from_darwin_core({"scientificName": name, "taxonRank": rank})


def answer(
    verdict: Verdict,
    *likely: tuple[Taxon, float | None],
    taxon: Taxon | None = None,
    found: Sequence[tuple[Taxon, float]] = (),
    alike: Sequence[Taxon] = (),
) -> Identification:
    predictions = tuple(Prediction(t, 0.5, share) for t, share in likely)
    in_set = tuple(Prediction(t, 0.5, share) for t, share in found)
    least = (
        predictions[:3]
        if likely and likely[0][1] is None
        else tuple(p for p in predictions if (p.probability or 0) >= 0.02)
    )
    return Identification(
        "a.jpg", predictions, verdict, taxon, None, in_set, 0.9, look_alikes=tuple(alike), likely=least
    )


def test_cautions_cover_the_answer_and_its_alternatives() -> None:
    assert cautions(answer("sure", (DAISY, 0.99), (HEMLOCK, 0.01))) == []
    assert cautions(answer("sure", (HEMLOCK, 0.97), (DAISY, 0.03))) == [
        "Caution: Conium maculatum (poison hemlock) can kill: all parts (coniine)."
    ]
    assert cautions(answer("unsure", (DAISY, 0.6), (HEMLOCK, 0.3), (SUMAC, 0.02))) == [
        "Caution: it may be Conium maculatum (poison hemlock), which can kill: all parts (coniine).",
        "Caution: it may be Toxicodendron diversilobum, which harms the skin: touching any part (urushiol).",
    ]
    assert cautions(answer("sure", (DAISY, 0.99), alike=(ASTERS, HEMLOCK))) == [
        "Caution: in photos it looks similar to Conium maculatum (poison hemlock), which can kill: all parts (coniine)."
    ]
    assert cautions(answer("not a plant", (HEMLOCK, 0.9))) == []
    assert cautions(answer("unsure")) == []


def test_without_probabilities_the_first_three_names_count() -> None:
    bare: list[tuple[Taxon, float | None]] = [(DAISY, None)] * 2
    assert len(cautions(answer("uncalibrated", *bare, (HEMLOCK, None)))) == 1
    assert cautions(answer("uncalibrated", *bare, (DAISY, None), (HEMLOCK, None))) == []


def test_the_prediction_set_counts_where_it_says_something() -> None:
    small = [(DAISY, 0.9), (HEMLOCK, 0.01)]
    (said,) = cautions(answer("sure", (DAISY, 0.9), found=small))
    assert said.startswith("Caution: it may be Conium maculatum (poison hemlock), which can kill")
    large = [*small, *((plain(f"Bellis species{place}"), 0.001) for place in range(20))]
    assert cautions(answer("sure", (DAISY, 0.9), found=large)) == []


def test_plants_are_likely_however_few_are_shown() -> None:
    found = answer("unsure", (DAISY, 0.6), (CARROT, 0.1), (HEMLOCK, 0.05))
    few = dataclasses.replace(found, predictions=found.predictions[:1])
    assert cautions(few) == cautions(found)
    assert "Conium maculatum" in cautions(few)[0]


def test_a_family_that_shortens_a_prediction_set_warns_of_its_species() -> None:
    (said,) = cautions(answer("unsure", (DAISY, 0.6), found=[(DAISY, 0.6), (UMBELS, 0.06)]))
    assert said.startswith("Caution: the family Apiaceae contains plants that can kill")


def test_a_prediction_set_with_half_the_flora_is_not_read() -> None:
    def make() -> Sequence[Prediction]:
        raise AssertionError

    found = dataclasses.replace(answer("unsure", (DAISY, 0.1)), taxon_set=Lazy(5_000, make))
    assert cautions(found) == []


def test_someone_who_gathers_wild_carrots_reads_about_hemlock() -> None:
    for plant in (CARROT, CHERVIL):
        (first, *_) = cautions(answer("sure", (plant, 0.95), taxon=plant))
        assert first.startswith(f"Caution: people confuse {plant.scientific_name} with ")
        assert "Conium (poison hemlock)" in first
        assert first.endswith("which can kill.")
    (first, *_) = cautions(answer("sure", (CARROT, 0.5), (CHERVIL, 0.4), taxon=UMBELS))
    assert first == (
        "Caution: the family Apiaceae contains plants that can kill, such as Aethusa (fool's parsley), "
        "Cicuta (water hemlock), Conium (poison hemlock), Oenanthe crocata (hemlock water dropwort)."
    )
    carrots = Taxon("Daucus", "genus", family="Apiaceae")
    (first, *_) = cautions(answer("sure", (CARROT, 0.5), taxon=carrots))
    assert "Conium (poison hemlock)" in first


def test_an_answer_of_any_rank_gets_a_caution() -> None:
    for name, rank in (("Apiales", "order"), ("Apiaceae", "family"), ("Conium", "genus")):
        above = Taxon(name, rank)
        assert RANKS.index(rank) <= RANKS.index("genus")
        for found in (
            answer("sure", (above, 0.9), taxon=above),
            answer("unsure", (DAISY, 0.4), (above, 0.3)),
        ):
            assert any("can kill" in said and "Conium" in said for said in cautions(found)), name


def test_a_deadly_relative_is_named() -> None:
    seri = plain("Oenanthe javanica")
    said = cautions(answer("sure", (seri, 0.9), taxon=seri))
    assert (
        "Caution: the genus Oenanthe contains plants that can kill, such as Oenanthe crocata (hemlock water "
        "dropwort)." in said
    )


def test_food_plants_are_not_called_deadly() -> None:
    tomato = plain("Solanum lycopersicum")
    (said,) = cautions(answer("sure", (tomato, 0.95), taxon=tomato))
    assert said.endswith("leaves, stems and unripe fruit; ripe fruit is food (tomatine).")


def test_each_listed_plant_is_mentioned_once_and_the_deadly_ones_come_first() -> None:
    monkshoods = [(plain(f"Aconitum {name}"), 0.2) for name in ("napellus", "lycoctonum", "variegatum")]
    assert len(cautions(answer("unsure", *monkshoods))) == 1
    said = cautions(
        answer("unsure", (DAISY, 0.4), (SUMAC, 0.2), (plain("Ilex aquifolium"), 0.2), (HEMLOCK, 0.1))
    )
    assert ["can kill" in said[0], "is poisonous" in said[1], "harms the skin" in said[2]] == [True] * 3


def test_many_harmful_plants_are_summed_up() -> None:
    genera = ["Aconitum", "Atropa", "Cicuta", "Colchicum", "Datura", "Digitalis", "Nerium", "Taxus", "Ilex"]
    plants = [plain(f"{genus} alba") for genus in genera]
    said = cautions(answer("unsure", (DAISY, 0.2), *((plant, 0.05) for plant in plants)))
    assert len(said) == 7
    assert said[-1] == "Caution: other harmful plants to think of: Nerium alba, Taxus alba, Ilex alba."


@pytest.mark.parametrize(
    ("plant", "words"),
    [
        (CARROT, "on confond Daucus carota avec Cicuta (water hemlock)"),
        (UMBELS, "la famille Apiaceae comprend des plantes qui peuvent provoquer la mort, par exemple"),
        (Taxon("Oenanthe", "genus"), "le genre Oenanthe comprend des plantes"),
        (Taxon("Apiales", "order"), "l’ordre Apiales comprend des plantes"),
        (HEMLOCK, "Conium maculatum (poison hemlock) peut provoquer la mort"),
    ],
)
def test_cautions_in_french(plant: Taxon, words: str) -> None:
    said = cautions(answer("sure", (plant, 0.9), taxon=plant), say=language("fr"))
    assert any(words in one for one in said), said
    assert all(one.startswith("Attention") for one in said)


def test_the_http_api_has_the_cautions_of_the_answer() -> None:
    asked = AskedFor(project="all", images=[], organs=[], includeRelatedImages=False, noReject=False)
    found = answer("sure", (CARROT, 0.6), (CHERVIL, 0.3), taxon=UMBELS)
    shown = plantnet_answer(found, asked, "builtin", "en", 1, detailed=False)
    assert "Conium (poison hemlock)" in shown.cautions[0]
    french = plantnet_answer(found, asked, "builtin", "fr", 1, detailed=False)
    assert "grande ciguë" in french.cautions[0] or "comprend" in french.cautions[0]


def test_the_flora_tab_names_the_harm_and_its_source() -> None:
    known = known_harm(HEMLOCK)
    assert known.startswith("can kill: all parts (coniine) (Nelson, Shih and Balick")
    assert "Croton tiglium" in known_harm(Taxon("Croton", "genus"))
    assert known_harm(DAISY) == ""
