"""How an answer is put in words, the same on the command line and on the page."""

from collections.abc import Callable

from dalip.taxonomy import Taxon
from dalip_index.answers import Identification, Prediction
from dalip_index.hazards import hazard_of

__all__ = ["best_name", "cautions", "counted", "percent", "promise", "resemblance", "score", "sentence"]

_HARMS = {"deadly": "can kill", "poisonous": "is poisonous", "harms the skin": "harms the skin"}
_LIKELY = 0.02  # from here on a plant that does harm is worth a word, whatever is likelier
_UNCALIBRATED = 3  # names of which it is said where there are no probabilities

_NAMED = 8  # taxa of a set that are named; a longer list helps nobody

_SENTENCES = {
    "sure": "This is most likely {}.",
    "above": "This is most likely of the {rank} {above}, perhaps {}.",
    "unsure": "I am not sure; it may be {}.",
    "not in flora": "This seems to be a plant that this flora does not hold; the closest in it is {}.",
    "not a plant": "This does not look like a photo of a plant. If it is one, the closest is {}.",
    "uncalibrated": "The closest in this flora is {}.",
}


def percent(share: float) -> str:
    """Write a share of 1 as a percentage that promises neither never nor always."""
    rounded = round(100 * share)
    if rounded == 0:
        return "< 1 %"
    return "> 99 %" if rounded == 100 else f"{rounded} %"


def counted(number: int, thing: str) -> str:
    """Write how many things there are: `1 photo`, `1,000 photos`."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def score(prediction: Prediction) -> str:
    """Write how well a prediction fits: in per cent where the flora is calibrated, else a similarity."""
    if prediction.probability is None:
        return f"{prediction.similarity:.2f}"
    return percent(prediction.probability)


def best_name(taxon: Taxon) -> str:
    """Name a taxon for people: `Eschscholzia californica (California poppy)`."""
    common = taxon.vernacular_name
    return f"{taxon.scientific_name} ({common})" if common else taxon.scientific_name


def sentence(answer: Identification, name: Callable[[Taxon], str] = best_name) -> str:
    """Say in one sentence what a photo shows and how sure that is.

    Args:
        answer: The answer for one photo.
        name: Writes the name of a taxon; the page sets it in italics.
    """
    if not answer.predictions:
        return "This flora has no name for it."
    best, sure = answer.predictions[0].taxon, answer.taxon
    if sure and sure != best:
        return _SENTENCES["above"].format(name(best), rank=sure.taxon_rank, above=name(sure))
    return _SENTENCES[answer.verdict].format(name(best))


def cautions(answer: Identification, name: Callable[[Taxon], str] = best_name) -> list[str]:
    """Say which of the likely plants are known to do harm.

    Args:
        answer: The answer for one photo.
        name: Writes the name of a taxon.

    Returns:
        A sentence for each; none does not mean that the plant is harmless.
    """
    if answer.verdict == "not a plant":
        return []
    found, said = [], set[Taxon]()
    for place, prediction in enumerate(answer.predictions):
        likely = (
            place < _UNCALIBRATED if prediction.probability is None else prediction.probability >= _LIKELY
        )
        hazard = hazard_of(prediction.taxon) if likely or place == 0 else None
        if hazard:
            lead = "Caution: {} {}" if place == 0 else "Caution: it may be {}, which {}"
            found.append(f"{lead.format(name(prediction.taxon), _HARMS[hazard.harm])}: {hazard.how}.")
            said.add(prediction.taxon)
    alike = [(taxon, hazard_of(taxon)) for taxon in answer.look_alikes if taxon not in said]
    return found + [
        f"Caution: its photos resemble those of {name(taxon)}, which {_HARMS[hazard.harm]}: {hazard.how}."
        for taxon, hazard in alike
        if hazard
    ]


def resemblance(answer: Identification, name: Callable[[Taxon], str] = best_name) -> str:
    """Say which taxa the first name is hardest to tell from."""
    if not answer.look_alikes or answer.verdict == "not a plant":
        return ""
    first, *others = map(name, (answer.predictions[0].taxon, *answer.look_alikes))
    return f"Photos of {first} resemble most those of {', '.join(others)}."


def promise(answer: Identification, name: Callable[[Taxon], str] = best_name) -> str:
    """Say which taxa the right one is among, and how often that holds; an empty string where there is no telling.

    Args:
        answer: The answer for one photo.
        name: Writes the name of a taxon.
    """
    if answer.coverage is None or answer.verdict in ("not a plant", "not in flora"):
        return ""
    names = [name(prediction.taxon) for prediction in answer.taxon_set]
    if not 1 < len(names) <= _NAMED:
        return ""
    listed = f"{', '.join(names[:-1])} or {names[-1]}"
    return (
        f"It is one of these {len(names)}, a promise kept for {percent(answer.coverage)} of photos: {listed}."
    )
