"""JSON form of an answer, with its messages, as the command line, the page and `gradio_client` return it."""

from typing import Any

from dalip.errors import Skipped
from dalip_app.messages.cautions import cautions
from dalip_app.messages.errors import describe
from dalip_index.flora.answer import Identification

__all__ = ["answer_fields"]


def answer_fields(answer: Identification | Skipped) -> dict[str, Any]:
    """Return an answer as the JSON object that `--json` prints; docs/identify.schema.json describes it.

    Args:
        answer: The answer for one photo, or for several photos of one plant.
    """
    if isinstance(answer, Skipped):
        return {"image": answer.source, "error": describe(answer.error)}
    return answer.to_dict() | {"cautions": cautions(answer)}
