"""The Search tab: search your own photos by text, photo, taxon or date."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr

from dalip.errors import DalipError
from dalip.photos import small_copy
from dalip_app.messages.errors import sentence_about
from dalip_app.messages.language import Language
from dalip_app.page.cards import notice
from dalip_app.page.components import QUIET
from dalip_app.page.folders_form import folders_form
from dalip_app.page.photo_picker import empty_picker, look_at, make_picker
from dalip_app.page.search_results import PAGE, Asked, results
from dalip_app.server.floras import LiveFlora
from dalip_app.server.indexing import Indexing
from dalip_index import Library, PhotoFilter

__all__ = ["search_tab"]

_STATIC = Path(__file__).parent / "static"
_VERDICTS = ("sure", "unsure", "not in flora", "not a plant", "uncalibrated")


def search_tab(
    say: Language, live: LiveFlora, indexing: Indexing, may_add_folders: bool, page: gr.Blocks, tab: gr.Tab
) -> None:
    """Lay out the search and, if allowed, the folders.

    Args:
        say: The language.
        live: The flora whose encoder embeds text and photos.
        indexing: The library and the job that updates it.
        may_add_folders: Whether visitors may add folders of this computer.
        page: The page that contains it.
        tab: The tab that contains it; the results are refreshed whenever the tab is opened.
    """
    library = indexing.library
    with gr.Row(equal_height=False, elem_classes="two-columns"):
        with gr.Column(scale=3, min_width=300):
            with gr.Row(elem_classes="with-button", equal_height=False):
                text = gr.Textbox(
                    label=say("search-words"),
                    placeholder=say("search-example"),
                    max_lines=1,
                    scale=4,
                    min_width=180,
                    elem_id="search-text",
                )
                button = gr.Button(
                    say("search-button"), variant="primary", scale=1, min_width=110, elem_id="search-button"
                )
            status = gr.HTML("", apply_default_css=False, elem_id="library-status")
        with gr.Column(scale=2, min_width=300):
            picker = make_picker(say, "picker-alike", "search-photo", "search-photo")
    filters = _filters(say)
    found = gr.HTML(
        "",
        elem_id="search-answer",
        apply_default_css=False,
        js_on_load=(_STATIC / "search_hits.js").read_text(encoding="utf-8"),
        gone=say("search-hit-gone"),
    )
    with gr.Row(elem_classes="with-button"):
        more = gr.Button(say("search-more"), visible=False, elem_id="search-more")
        closest = gr.Button(say("search-closest"), visible=False, elem_id="search-closest")
    asked, changes = gr.State(Asked()), gr.State(0)
    shown = [asked, found, more, closest]

    def nothing(what: Asked, told: str) -> list[Any]:
        return [what, told, gr.Button(visible=False), gr.Button(visible=False)]

    def show(what: Asked, *only: str | None) -> list[Any]:
        try:
            seen = what.of(library, live.encoder, PhotoFilter(*(value or "" for value in only)))
        except DalipError as error:
            empty = error.kind == "library-empty" and what == Asked()  # the status line already says so
            return nothing(what, "" if empty else notice(sentence_about(error, say), bad=True))
        return [
            what,
            results(seen, say),
            gr.Button(visible=len(seen.hits) < seen.total),
            gr.Button(visible=bool(seen.hidden) and len(seen.hits) >= seen.total),
        ]

    def by_photo(payload: Any, *only: str | None) -> list[Any]:
        photos: list[bytes] = []

        def keep(files: list[bytes]) -> str:
            photos.append(small_copy(files[0]))
            return ""

        looked, told = look_at(payload, keep, "", say)
        if not photos:
            return [looked, "", *nothing(Asked(), told)]
        return [looked, "", *show(Asked(photo=photos[0]), *only)]

    gr.on(
        [text.submit, button.click],
        lambda words, *only: [empty_picker(), *show(Asked(words=words or ""), *only)],
        [text, *filters],
        [picker, *shown],
        trigger_mode="always_last",
        **QUIET,
    )
    picker.upload(by_photo, [picker, *filters], [picker, text, *shown], trigger_mode="always_last", **QUIET)
    again = {"inputs": [asked, *filters], "outputs": shown, **QUIET}
    gr.on(
        [part.change for part in filters],
        lambda what, *only: show(replace(what, shown=PAGE), *only),
        trigger_mode="always_last",
        **again,
    )
    more.click(lambda what, *only: show(replace(what, shown=what.shown + PAGE), *only), **again)
    closest.click(lambda what, *only: show(replace(what, everything=True), *only), **again)
    # A change while the tab is still opening must not be dropped, as it would be with the default "once".
    gr.on([tab.select, changes.change], show, trigger_mode="always_last", **again)
    gr.on(
        [page.load, tab.select, changes.change],
        lambda: [_status(library, say, may_add_folders), _taxa(library, say)],
        None,
        [status, filters[0]],
        trigger_mode="always_last",
        **QUIET,
    )
    tab.select(indexing.name, None, None, **QUIET)
    if may_add_folders:
        folders_form(say, indexing, changes, page, tab)


def _filters(say: Language) -> list[Any]:
    """Lay out the filters, in the order of the fields of `PhotoFilter`."""
    with (
        gr.Accordion(say("search-filters"), open=False, elem_id="search-filters"),
        gr.Row(equal_height=False),
    ):
        taxon = gr.Dropdown(
            [(say("search-any"), "")],
            value="",
            label=say("search-taxon"),
            allow_custom_value=True,  # a chosen taxon stays selected when its last photo is removed
            min_width=260,
            elem_id="search-taxon",
        )
        since, until = (
            gr.Textbox(label=say(key), placeholder="2024, 2024-05", max_lines=1, min_width=130, elem_id=key)
            for key in ("search-since", "search-until")
        )
        choices = [(say("verdict", verdict=verdict.replace(" ", "-")), verdict) for verdict in _VERDICTS]
        verdict = gr.Dropdown(
            [(say("search-any"), ""), *choices],
            value="",
            label=say("search-verdict"),
            min_width=200,
            elem_id="search-verdict",
        )
    return [taxon, since, until, verdict]


def _taxa(library: Library, say: Language) -> gr.Dropdown:
    try:
        taxa = library.taxa()
    except DalipError:  # the status line reports it
        taxa = []
    choices = [(f"{taxon.scientific_name} ({taxon.photos})", taxon.scientific_name) for taxon in taxa]
    return gr.Dropdown([(say("search-any"), ""), *choices])


def _status(library: Library, say: Language, may_add_folders: bool) -> str:
    try:
        photos = len(library)
        return notice(
            say("library-size" if photos or may_add_folders else "library-empty-here", photos=photos)
        )
    except DalipError as error:
        return notice(sentence_about(error, say), bad=True)
