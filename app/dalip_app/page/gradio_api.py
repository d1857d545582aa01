"""The endpoint for `gradio_client`: returns the JSON of `dalip identify --json`."""

import os
from contextlib import suppress
from dataclasses import replace
from typing import Any

import gradio as gr

from dalip.cpus import available_cpus
from dalip.errors import ImageError, Skipped
from dalip.photos import HEAVY_PLACES
from dalip_app.messages.answer_json import answer_fields
from dalip_app.messages.errors import describe
from dalip_app.page.photo_picker import read_uploads
from dalip_app.server.floras import Floras

__all__ = ["ENDPOINT", "add_identify"]

ENDPOINT = "identify"


def add_identify(floras: Floras) -> None:
    """Add the endpoint `/identify` to the page being laid out, before another event takes its name.

    Args:
        floras: The floras; the first one answers.
    """

    def identify(photo: dict[str, Any]) -> dict[str, Any]:
        """Identify the plant in a photo; returns the same JSON as `dalip identify --json`."""
        try:
            (data,) = read_uploads([photo])
        except ImageError as error:
            raise gr.Error(describe(error, medium="api"), print_exception=False) from None
        with suppress(OSError):  # deletes the content now; the file itself is removed later
            os.truncate(photo["path"], 0)
        name = str(photo.get("orig_name") or "photo")
        (answer,) = floras().now().identify([data])
        if isinstance(answer, Skipped):
            fault, facts = answer.error, dict[str, Any](answer.error.facts)
            # The flora calls it photo 1; use its file name instead.
            return answer_fields(Skipped(name, type(fault)(fault.kind, source=name, **facts)))
        return answer_fields(replace(answer, image=name))

    gr.api(identify, api_name=ENDPOINT, concurrency_limit=available_cpus() + HEAVY_PLACES)
