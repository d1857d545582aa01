"""Wording of answers for the commands and the page: verdicts, percentages, prediction sets."""

from collections.abc import Callable

from dalip.taxonomy import Taxon
from dalip_app.messages.language import Language, language
from dalip_index.flora.answer import LONGEST_SET, Identification, Prediction

__all__ = [
    "best_name",
    "common_name",
    "outside",
    "percent",
    "promise",
    "regional",
    "resemblance",
    "score",
    "sentence",
]

NameOf = Callable[[Taxon], str]


def percent(share: float) -> str:
    """Format a fraction as a percentage that is never 0 % or 100 %."""
    rounded = round(100 * share)
    if rounded == 0:
        return "< 1 %"
    return "> 99 %" if rounded == 100 else f"{rounded} %"


def score(prediction: Prediction) -> str:
    """Format the score of a prediction: a percentage if the flora is calibrated, else a similarity."""
    if prediction.probability is None:
        return f"{prediction.similarity:.2f}"
    return percent(prediction.probability)


def best_name(taxon: Taxon, code: str = "en") -> str:
    """Return the name of a taxon for display: `Eschscholzia californica (California poppy)`.

    Args:
        taxon: The taxon.
        code: Language of the common name; English if there is no name in that language.
    """
    common = common_name(taxon, code)
    return f"{taxon.scientific_name} ({common})" if common else taxon.scientific_name


def common_name(taxon: Taxon, code: str) -> str:
    """Return the common name of a taxon in a language, else in English; empty if there is neither."""
    return taxon.vernacular_name_in(code) or taxon.vernacular_name


def sentence(answer: Identification, name: NameOf = best_name, say: Language | None = None) -> str:
    """Return a sentence with the answer for a photo and how certain it is.

    Args:
        answer: The answer for one photo.
        name: Formats the name of a taxon; the page sets it in italics.
        say: The language; English by default.
    """
    say = say or language()
    if not answer.predictions:
        return say("answer-none")
    best, sure = answer.predictions[0].taxon, answer.taxon
    if sure and sure != best:
        share = percent(answer.probability or 0.0)
        return say("answer-above", plant=name(best), rank=sure.taxon_rank, above=name(sure), share=share)
    if answer.region and answer.verdict == "uncalibrated":
        return say("answer-uncalibrated-region", plant=name(best))
    if answer.region and answer.verdict in ("not in flora", "not a plant"):
        best = answer.region.without.predictions[
            0
        ].taxon  # the closest match has nothing to do with the region
    return say(f"answer-{answer.verdict.replace(' ', '-')}", plant=name(best))


def resemblance(answer: Identification, name: NameOf = best_name, say: Language | None = None) -> str:
    """Return a sentence with the taxa that are hardest to distinguish from the first name, or an empty string."""
    if not answer.look_alikes or answer.verdict == "not a plant":
        return ""
    first, *others = map(name, (answer.predictions[0].taxon, *answer.look_alikes))
    return (say or language())("answer-alike", plant=first, others=", ".join(others))


def regional(answer: Identification, name: NameOf = best_name, say: Language | None = None) -> str:
    """Return a sentence that says what the region changed in an answer, or an empty string without a region.

    Args:
        answer: The answer for one photo.
        name: Formats the name of a taxon.
        say: The language.
    """
    if answer.region is None:
        return ""
    say, without = say or language(), answer.region.without
    if not without.predictions:
        return ""
    known = {"region": answer.region.name, "taxa": answer.region.taxa}
    first = without.predictions[0]
    told = say("answer-region", **known)
    if answer.region.changed:
        return f"{told} {say('answer-region-changed', plant=name(first.taxon), share=score(first))}"
    if "sure" in (answer.verdict, without.verdict) and answer.verdict != without.verdict:
        made = "answer-region-made-sure" if answer.verdict == "sure" else "answer-region-made-unsure"
        return f"{told} {say(made)}"
    return f"{told} {say('answer-region-same', share=score(first))}"


def outside(answer: Identification, prediction: Prediction, say: Language | None = None) -> str:
    """Return the remark that a taxon does not occur in the region, or an empty string."""
    if answer.region is None or prediction.in_region is not False:
        return ""
    return (say or language())("answer-region-outside")


def promise(answer: Identification, name: NameOf = best_name, say: Language | None = None) -> str:
    """Return a sentence with the conformal prediction set and its coverage, or an empty string if it would not help.

    Args:
        answer: The answer for one photo.
        name: Formats the name of a taxon.
        say: The language; English by default.
    """
    if answer.coverage is None or answer.verdict in ("not a plant", "not in flora"):
        return ""
    names = [name(prediction.taxon) for prediction in answer.taxon_set]
    if not 1 < len(names) <= LONGEST_SET:
        return ""
    groups = any(prediction.taxon.taxon_rank in ("family", "order") for prediction in answer.taxon_set)
    return (say or language())(
        "answer-set-groups" if groups else "answer-set",
        number=len(names),
        share=percent(answer.coverage),
        regional=int(answer.region is not None),
        plants=", ".join(names[:-1]),
        last=names[-1],
    )
