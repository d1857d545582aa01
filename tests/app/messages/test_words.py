"""Sentences and prediction sets that describe an answer."""

import dataclasses

import pytest

from dalip.taxonomy import Taxon, VernacularName
from dalip_app.messages.language import language
from dalip_app.messages.words import outside, percent, promise, regional, resemblance, sentence
from dalip_index import Identification, Prediction, RegionEffect, Verdict

DAISY = Taxon("Bellis perennis", "species", (VernacularName("daisy"),), "Bellis", "Asteraceae")
HEMLOCK = Taxon("Conium maculatum", "species", (VernacularName("poison hemlock"),), "Conium", "Apiaceae")
SUMAC = Taxon("Toxicodendron diversilobum", "species", (), "Toxicodendron", "Anacardiaceae")
ASTERS = Taxon("Asteraceae", "family")


def answer(
    verdict: Verdict,
    *likely: tuple[Taxon, float | None],
    taxon: Taxon | None = None,
    in_set: int = 0,
    coverage: float | None = 0.9,
) -> Identification:
    predictions = tuple(Prediction(t, 0.5, share) for t, share in likely)
    share = 0.93 if taxon else None
    return Identification("a.jpg", predictions, verdict, taxon, share, predictions[:in_set], coverage)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (answer("sure", (DAISY, 0.9), taxon=DAISY), "This is most likely Bellis perennis (daisy)."),
        (
            answer("sure", (DAISY, 0.5), taxon=ASTERS),
            "This most likely belongs to the family Asteraceae (93 %); it may be Bellis perennis (daisy).",
        ),
        (answer("unsure", (DAISY, 0.3)), "DALIP is not sure; it may be Bellis perennis (daisy)."),
        (
            answer("not in flora", (DAISY, 0.9)),
            "This plant does not seem to be in the flora; the closest match is Bellis perennis (daisy).",
        ),
        (
            answer("not a plant", (DAISY, 0.9)),
            "This does not look like a photo of a plant. If it is one, the closest match is Bellis perennis (daisy).",
        ),
        (
            answer("uncalibrated", (DAISY, None)),
            "The closest match in this flora is Bellis perennis (daisy).",
        ),
        (answer("unsure"), "This flora has no name for this plant."),
    ],
)
def test_a_sentence_for_every_verdict(found: Identification, said: str) -> None:
    assert sentence(found) == said


def test_a_prediction_set_is_shown_only_where_it_helps() -> None:
    likely = ((DAISY, 0.5), (HEMLOCK, 0.4), (SUMAC, 0.05))
    said = promise(answer("unsure", *likely, in_set=3))
    assert said.startswith(
        "It is one of these 3 plants (correct for 90 % of photos): Bellis perennis (daisy), "
    )
    assert said.endswith(" or Toxicodendron diversilobum.")
    said = promise(answer("unsure", (DAISY, 0.5), (ASTERS, 0.4), in_set=2))
    assert (
        said
        == "It is or belongs to one of these 2 (correct for 90 % of photos): Bellis perennis (daisy) or Asteraceae."
    )
    for number in (0, 1):
        assert promise(answer("unsure", *likely, in_set=number)) == ""
    assert promise(answer("unsure", *likely * 3, in_set=9)) == ""
    assert promise(answer("not in flora", *likely, in_set=3)) == ""
    assert promise(answer("uncalibrated", *likely, in_set=3, coverage=None)) == ""


def test_look_alikes_are_named() -> None:
    alike = dataclasses.replace(answer("sure", (DAISY, 0.99)), look_alikes=(ASTERS, HEMLOCK))
    assert resemblance(alike) == (
        "Photos of Bellis perennis (daisy) look most like those of Asteraceae, Conium maculatum (poison hemlock)."
    )


def test_percentages_are_never_0_or_100() -> None:
    assert [percent(x) for x in (0, 0.004, 0.006, 0.5, 0.994, 0.996, 1)] == [
        *("< 1 %", "< 1 %", "1 %", "50 %", "99 %", "> 99 %", "> 99 %")
    ]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (("unsure", DAISY), ("sure", DAISY), "would be the same, but DALIP would not be sure."),
        (("sure", DAISY), ("unsure", DAISY), "would be the same, and DALIP would be sure."),
        (("unsure", DAISY), ("unsure", DAISY), "would be the same (40 %)."),
        (("sure", HEMLOCK), ("sure", DAISY), "would be Conium maculatum (poison hemlock) (40 %)."),
    ],
)
def test_an_answer_says_what_its_region_changed(
    before: tuple[Verdict, Taxon], after: tuple[Verdict, Taxon], said: str
) -> None:
    effect = RegionEffect("Spain", 1200, answer(before[0], (before[1], 0.4)), before[1] != after[1])
    found = dataclasses.replace(answer(after[0], (after[1], 0.5)), region=effect)
    start = "Region Spain, with 1,200 plants of the flora. Without the region, the first name "
    assert regional(found) == start + said
    assert regional(answer("unsure", (DAISY, 0.4))) == ""
    assert regional(found, say=language("fr")).startswith("Région Spain")


def test_only_taxa_that_do_not_occur_in_the_region_are_marked() -> None:
    effect = RegionEffect("Spain", 1, answer("unsure", (DAISY, 0.4)), False)
    found = dataclasses.replace(answer("unsure", (DAISY, 0.4)), region=effect)
    marks = [outside(found, Prediction(DAISY, 0.5, 0.4, in_region=inside)) for inside in (True, False, None)]
    assert marks == ["", "not known from the region", ""]
