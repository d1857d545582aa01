"""Answers in the form of Pl@ntNet's v2 API, with the types that its clients expect.

Source: https://my.plantnet.org/doc/openapi for names and types, https://my.plantnet.org/doc/api/quota for the quota.
Clients with typed models fail at null, so a field without a value is left out.
"""

import re
from collections.abc import Collection, Iterable
from typing import Any, Literal

from pydantic import BaseModel, Field

from dalip import __version__
from dalip.taxonomy import Taxon
from dalip_app.messages.cautions import cautions
from dalip_app.messages.language import LANGUAGES
from dalip_app.messages.language import language as message_language
from dalip_index import Identification, Prediction

__all__ = [
    "QUOTA",
    "Answer",
    "AskedFor",
    "ListedSpecies",
    "Organ",
    "listed_species",
    "plantnet_answer",
    "spoken",
]

Organ = Literal["leaf", "flower", "fruit", "bark", "auto", "habit", "other", "branch", "scan", "drawing"]

QUOTA = 1_000_000
"""Requests that clients are told they still have; there is no limit."""

_GBIF = re.compile(r"https?://www\.gbif\.org/(?:[a-z-]+/)?species/(\d+)")
_POWO = re.compile(r"https?://(?:www\.)?(?:powo\.science\.kew|plantsoftheworldonline)\.org/taxon/([\w:.-]+)")


class Name(BaseModel):
    """A scientific name, with and without its author; genera and families have none."""

    scientificNameWithoutAuthor: str  # noqa: N815
    scientificNameAuthorship: str = ""  # noqa: N815
    scientificName: str  # noqa: N815


class Species(Name):
    """A taxon of the flora, not necessarily a species."""

    genus: Name
    family: Name
    commonNames: list[str] = Field(description="Common names in the language of the answer.")  # noqa: N815
    taxonRank: str = Field(description="Rank of the taxon. Not in Pl@ntNet's API.")  # noqa: N815


class Identifier(BaseModel):
    """Identifier of a taxon in another database."""

    id: str


class Result(BaseModel):
    """A candidate taxon with its score."""

    score: float = Field(description="Probability, or similarity if the flora is not calibrated.")
    species: Species
    images: list[dict[str, Any]] | None = Field(
        None, description="With include-related-images; always empty."
    )
    gbif: Identifier | None = None
    powo: Identifier | None = None


class OtherGenus(BaseModel):
    """A genus with the score of all its taxa."""

    score: float
    genus: Name


class OtherFamily(BaseModel):
    """A family with the score of all its taxa."""

    score: float
    family: Name


class OtherResults(BaseModel):
    """Scores of genera and families."""

    genus: list[OtherGenus]
    family: list[OtherFamily]


class PredictedOrgan(BaseModel):
    """The organ in a photo."""

    image: str
    filename: str
    organ: str
    score: float


class AskedFor(BaseModel):
    """The query."""

    project: str
    images: list[str]
    organs: list[str]
    includeRelatedImages: bool  # noqa: N815
    noReject: bool  # noqa: N815
    type: str | None = None


class Answer(BaseModel):
    """The names for the photos of one plant, best first."""

    query: AskedFor
    predictedOrgans: list[PredictedOrgan] = Field(default=[], description="Always empty.")  # noqa: N815
    language: str
    preferedReferential: str = Field(description="Name of the flora.")  # noqa: N815
    bestMatch: str  # noqa: N815
    results: list[Result]
    otherResults: OtherResults | None = Field(None, description="With detailed=true.")  # noqa: N815
    version: str
    remainingIdentificationRequests: int = Field(description="Constant; there is no limit.")  # noqa: N815
    verdict: str = Field(description="Verdict, as in `dalip identify`. Not in Pl@ntNet's API.")
    region: dict[str, Any] | None = Field(
        None,
        description="What the region of the server changed, as in `dalip identify --json`. Not in Pl@ntNet's API.",
    )
    cautions: list[str] = Field(
        description="Warnings about plants that are known to be harmful: likely ones, those in the genus, family or "
        "order of the answer, and look-alikes; and about photos of which only a preview can be read. No caution never "
        "means edible. Not in Pl@ntNet's API."
    )


class ListedSpecies(Name):
    """A taxon that can be identified."""

    id: str
    commonNames: list[str]  # noqa: N815
    genus: str
    family: str
    gbifId: str | None = None  # noqa: N815
    powoId: str | None = None  # noqa: N815


def spoken(wanted: str, languages: Iterable[str]) -> str:
    """Return the language to answer in: the wanted one, a more general or more special one, or English.

    Args:
        wanted: Language tag such as `fr`, `fr-FR` or `pt_br`.
        languages: Languages of the common names.
    """
    known = {_tag(language): language for language in sorted(languages, reverse=True)}
    tag = _tag(wanted)
    parts = tag.split("-")
    for length in range(len(parts), 0, -1):
        if found := known.get("-".join(parts[:length])):
            return found
    return next((known[one] for one in sorted(known) if one.startswith(f"{parts[0]}-")), "en")


def plantnet_answer(
    answer: Identification, asked: AskedFor, flora: str, language: str, number: int, *, detailed: bool
) -> Answer:
    """Return an answer in Pl@ntNet's form.

    Args:
        answer: Candidates, best first.
        asked: The query.
        flora: Name of the flora.
        language: Language of the common names, from `spoken`.
        number: Maximum number of results.
        detailed: Whether to add the scores of genera and families.
    """
    shown, code = answer.predictions[:number], _tag(language).partition("-")[0]
    return Answer(
        query=asked,
        language=language,
        preferedReferential=flora,
        bestMatch=shown[0].taxon.scientific_name,
        results=[_result(prediction, language, asked) for prediction in shown],
        otherResults=_others(answer.predictions, number) if detailed else None,
        version=f"dalip {__version__}",
        remainingIdentificationRequests=QUOTA,
        verdict=answer.verdict,
        region=answer.region.to_dict() if answer.region else None,
        cautions=cautions(answer, say=message_language(code if code in LANGUAGES else "en")),
    )


def listed_species(taxon: Taxon, language: str) -> ListedSpecies:
    """Return a taxon as an item of `/v2/species`.

    Args:
        taxon: A taxon of a flora.
        language: Language of the common names.
    """
    return ListedSpecies(
        **_name(taxon.scientific_name, taxon.scientific_name_authorship).model_dump(),
        id=taxon.scientific_name,
        commonNames=_common_names(taxon, language),
        genus=taxon.genus,
        family=taxon.family,
        gbifId=_linked(_GBIF, taxon.references),
        powoId=_linked(_POWO, taxon.references),
    )


def _result(prediction: Prediction, language: str, asked: AskedFor) -> Result:
    taxon = prediction.taxon
    gbif, powo = (_linked(pattern, taxon.references) for pattern in (_GBIF, _POWO))
    return Result(
        score=_score(prediction),
        species=Species(
            **_name(taxon.scientific_name, taxon.scientific_name_authorship).model_dump(),
            genus=_name(taxon.genus),
            family=_name(taxon.family),
            commonNames=_common_names(taxon, language),
            taxonRank=taxon.taxon_rank,
        ),
        images=[] if asked.includeRelatedImages else None,
        gbif=Identifier(id=gbif) if gbif else None,
        powo=Identifier(id=powo) if powo else None,
    )


def _others(predictions: Iterable[Prediction], number: int) -> OtherResults:
    genera: dict[str, float] = {}
    families: dict[str, float] = {}
    for prediction in predictions:
        for totals, name in ((genera, prediction.taxon.genus), (families, prediction.taxon.family)):
            if not name:
                continue
            if prediction.probability is None:  # similarities cannot be added
                totals[name] = max(totals.get(name, 0.0), prediction.similarity)
            else:
                totals[name] = totals.get(name, 0.0) + prediction.probability
    best, wider = (sorted(all_.items(), key=lambda one: -one[1])[:number] for all_ in (genera, families))
    return OtherResults(
        genus=[OtherGenus(score=_rounded(score), genus=_name(name)) for name, score in best],
        family=[OtherFamily(score=_rounded(score), family=_name(name)) for name, score in wider],
    )


def _score(prediction: Prediction) -> float:
    return _rounded(prediction.similarity if prediction.probability is None else prediction.probability)


def _rounded(score: float) -> float:
    return round(min(max(score, 0.0), 1.0), 5)


def _name(name: str, author: str = "") -> Name:
    whole = f"{name} {author}".strip()
    return Name(scientificNameWithoutAuthor=name, scientificNameAuthorship=author, scientificName=whole)


def _common_names(taxon: Taxon, language: str) -> list[str]:
    return [name.name for name in taxon.vernacular_names if name.language == language]


def _linked(pattern: re.Pattern[str], references: Collection[str]) -> str | None:
    return next((found[1] for link in references if (found := pattern.match(link))), None)


def _tag(language: str) -> str:
    return language.strip().replace("_", "-").lower()
