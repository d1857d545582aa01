"""What `gradio_client` can ask of a running page: the answer that `dalip identify --json` gives."""

import os
from contextlib import suppress
from dataclasses import replace
from typing import Any

import gradio as gr

from dalip.cpus import available_cpus
from dalip.errors import ImageError, Skipped
from dalip_app.messages.answer_json import answer_fields
from dalip_app.messages.errors import describe
from dalip_app.page.photo_picker import read_uploads
from dalip_app.server.floras import Floras

__all__ = ["ENDPOINT", "add_identify"]

ENDPOINT = "identify"


def add_identify(floras: Floras) -> None:
    """Add the endpoint `/identify` to the page that is being laid out, before another event takes its name.

    Args:
        floras: What answers come from: the first of them.
    """

    def identify(photo: dict[str, Any]) -> dict[str, Any]:
        """Name the plant in a photo; the same JSON as of `dalip identify --json`."""
        try:
            (data,) = read_uploads([photo])
        except ImageError as error:
            raise gr.Error(describe(error, medium="api"), print_exception=False) from None
        with suppress(OSError):  # its name is forgotten later, its content now
            os.truncate(photo["path"], 0)
        name = str(photo.get("orig_name") or "photo")
        (answer,) = floras().now().identify([data])
        if isinstance(answer, Skipped):
            fault, facts = answer.error, dict[str, Any](answer.error.facts)
            # The flora knows it as the first of its photos.
            return answer_fields(Skipped(name, type(fault)(fault.kind, source=name, **facts)))
        return answer_fields(replace(answer, image=name))

    gr.api(identify, api_name=ENDPOINT, concurrency_limit=available_cpus())
