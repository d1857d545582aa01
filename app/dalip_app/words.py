"""How an answer is put in words, the same on the command line and on the page."""

from collections.abc import Callable

from dalip.taxonomy import Taxon
from dalip_index.answers import Identification, Prediction

__all__ = ["best_name", "percent", "score", "sentence"]

_SENTENCES = {
    "sure": "This is most likely {}.",
    "unsure": "I am not sure; it may be {}.",
    "uncalibrated": "The closest in this flora is {}.",
}


def percent(share: float) -> str:
    """Write a share of 1 as a percentage that promises neither never nor always."""
    rounded = round(100 * share)
    if rounded == 0:
        return "< 1 %"
    return "> 99 %" if rounded == 100 else f"{rounded} %"


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
    return _SENTENCES[answer.verdict].format(name(answer.predictions[0].taxon))
