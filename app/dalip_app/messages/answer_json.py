"""An answer as the JSON object that the command line, the page and `gradio_client` give, words included."""

from typing import Any

from dalip.errors import Skipped
from dalip_app.messages.errors import describe
from dalip_app.messages.words import cautions
from dalip_index.flora.answer import Identification

__all__ = ["answer_fields"]


def answer_fields(answer: Identification | Skipped) -> dict[str, Any]:
    """Give an answer as the JSON object that `--json` prints; docs/identify.schema.json describes it.

    Args:
        answer: For one photo, or for several of one plant.
    """
    if isinstance(answer, Skipped):
        return {"image": answer.source, "error": describe(answer.error)}
    return answer.to_dict() | {"cautions": cautions(answer)}
