"""An answer as the JSON object that the command line, the page and `gradio_client` give."""

from typing import Any

from dalip.errors import Skipped
from dalip_app.messages.errors import describe
from dalip_app.messages.words import cautions
from dalip_index.flora.answer import Identification, Prediction

__all__ = ["answer_fields", "prediction_fields"]


def answer_fields(answer: Identification | Skipped) -> dict[str, Any]:
    """Give an answer as the JSON object that `--json` prints; docs/identify.schema.json describes it.

    Args:
        answer: For one photo, or for several of one plant.
    """
    if isinstance(answer, Skipped):
        return {"image": answer.source, "error": describe(answer.error)}
    return {
        "image": answer.image,
        "predictions": [prediction_fields(prediction) for prediction in answer.predictions],
        "verdict": answer.verdict,
        "taxon": answer.taxon.scientific_name if answer.taxon else None,
        "taxonRank": answer.taxon.taxon_rank if answer.taxon else None,
        "probability": _rounded(answer.probability),
        "coverage": answer.coverage,
        "taxonSet": [prediction.taxon.scientific_name for prediction in answer.taxon_set],
        "plant": _rounded(answer.plant),
        "inFlora": _rounded(answer.in_flora),
        "lookAlikes": [taxon.scientific_name for taxon in answer.look_alikes],
        "cautions": cautions(answer),
    }


def prediction_fields(prediction: Prediction) -> dict[str, Any]:
    """Give one of the names of an answer as a JSON object."""
    taxon = prediction.taxon
    return {
        "scientificName": taxon.scientific_name,
        "taxonRank": taxon.taxon_rank,
        "vernacularName": taxon.vernacular_name,
        "genus": taxon.genus,
        "family": taxon.family,
        "similarity": round(prediction.similarity, 6),
        "probability": _rounded(prediction.probability),
        "experimental": prediction.experimental,
    }


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 6)
