"""The Identify tab: photos in, answer out."""

from typing import Any

import gradio as gr

from dalip.cpus import available_cpus
from dalip.photos import HEAVY_PLACES, open_image
from dalip_app.messages.language import Language
from dalip_app.page.cards import answer_cards, awaited, caution
from dalip_app.page.components import QUIET, live_html
from dalip_app.page.keep_form import JournalOf, KeepForm, Seen
from dalip_app.page.photo_picker import PREVIEW, look_at, make_picker, to_data_uri
from dalip_app.server.floras import Floras
from dalip_index.flora.heat_map import heat_picture

__all__ = ["identify_tab"]

_TOP_K = 5


def identify_tab(say: Language, floras: Floras, which: gr.Dropdown, journal_of: JournalOf) -> None:
    """Lay out the photo picker, the answer, and the form to save it.

    Args:
        say: The language.
        floras: The floras.
        which: The flora that the visitor chose.
        journal_of: Returns the journal of a visit.
    """
    with gr.Row(equal_height=False, elem_classes="two-columns"):
        with gr.Column(scale=1, min_width=320):
            picker = make_picker(say, "picker-plant", "identify-photo", several=True)
        with gr.Column(scale=1, min_width=320):
            answer = live_html(awaited(say), "identify-answer")
            gr.HTML(caution(say), apply_default_css=False)
            keep = KeepForm(say, floras, which, journal_of)

    def identify(photo: Any, chosen: str | None) -> list[Any]:
        if photo is None:  # a flora was chosen before any photo
            return [gr.skip(), gr.skip(), *keep.hide()]
        flora = floras(chosen).now()
        seen: list[Seen] = []

        def answer_to(photos: list[bytes]) -> str:
            found, skipped = flora.identify_together(photos, top_k=_TOP_K)
            if found is None:
                raise skipped[0].error
            seen.append(Seen.of(found, photos, flora))
            alone = open_image(photos[0], target=PREVIEW // 2) if len(photos) == 1 else None
            picture = heat_picture(flora, alone, found) if alone else None
            return answer_cards(found, flora, say, to_data_uri(picture, picture.width) if picture else "")

        shown = list(look_at(photo, answer_to, awaited(say), say))
        return shown + (keep.show(seen[0], flora) if seen else keep.hide())

    gr.on(
        [picker.upload, which.change],
        identify,
        [picker, which],
        [picker, answer, *keep.outputs],
        trigger_mode="always_last",
        concurrency_limit=available_cpus() + HEAVY_PLACES,
        **QUIET,
    )
