"""The part of the page about the user's own photos: found by words or by a photo."""

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import gradio as gr

from dalip.errors import DalipError, ImageError
from dalip_app.cards import gallery, notice, progress_bar
from dalip_app.language import Language
from dalip_app.live import LiveFlora
from dalip_app.parts import QUIET, live_html
from dalip_app.photo_picker import look_at, make_picker, thumbnail
from dalip_index import Hit, Library, LibraryReport

__all__ = ["search_tab"]

_HITS = 24
_THUMBNAIL = 340  # pixels
_REDRAW = 0.2  # seconds between steps of a progress bar
_PROBLEMS = 10  # shown at most


def search_tab(
    say: Language, live: LiveFlora, library: Library, may_add_folders: bool, page: gr.Blocks
) -> None:
    """Lay out the search and, for those who may, the form to add folders.

    Args:
        say: The language.
        live: Whose encoder reads words and photos.
        library: The photos.
        may_add_folders: Whether visitors may name folders of this computer.
        page: The page that it lies in.
    """
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
    found = live_html("", "search-answer")

    def by_text(words: str | None) -> str:
        try:
            return _show(library.search_text(words or "", live.encoder, _HITS).hits, say)
        except DalipError as error:
            return notice(say.error(error), bad=True)

    def by_photo(photo: Any) -> tuple[gr.HTML, str]:
        def found_by(photos: list[bytes]) -> str:
            return _show(library.search_image(photos[0], live.encoder, _HITS).hits, say)

        return look_at(photo, found_by, "", say)

    gr.on([text.submit, button.click], by_text, text, found, **QUIET)
    picker.upload(
        by_photo,
        picker,
        [picker, found],
        trigger_mode="always_last",
        **QUIET,
    )
    page.load(lambda: _library_status(library, say), None, status, **QUIET)
    if may_add_folders:
        _add_folder_form(say, live, library, status)


def _add_folder_form(say: Language, live: LiveFlora, library: Library, status: gr.HTML) -> None:
    gr.HTML(f'<h2 class="section-title">{say("library-title")}</h2>', apply_default_css=False)
    with gr.Row(equal_height=False, elem_classes="with-button"):
        folder = gr.Textbox(
            label=say("library-folder"),
            placeholder=say("library-folder-example"),
            max_lines=1,
            scale=4,
            min_width=260,
            elem_id="library-folder",
        )
        button = gr.Button(say("library-add"), scale=1, min_width=150, elem_id="library-add")

    def add(name: str) -> Iterator[tuple[str, Any]]:
        if not name.strip():
            yield notice(say("library-no-folder"), bad=True), gr.skip()
            return
        yield notice(say("library-looking")), gr.skip()
        steps: SimpleQueue[tuple[str, int, int] | Future[LibraryReport]] = SimpleQueue()
        with ThreadPoolExecutor(1) as pool:
            folder = Path(name.strip()).expanduser()
            report = pool.submit(library.add, folder, live.encoder, lambda *step: steps.put(step))
            report.add_done_callback(steps.put)
            shown = 0.0
            while not isinstance(step := steps.get(), Future):
                if time.monotonic() - shown > _REDRAW:
                    shown = time.monotonic()
                    _, done, total = step
                    text = say("library-progress", done=done, total=total)
                    yield progress_bar(text, done / max(total, 1)), gr.skip()
        try:
            yield _library_report(report.result(), say), _library_status(library, say)
        except DalipError as error:
            yield notice(say.error(error), bad=True), gr.skip()

    added = live_html("", "library-added")
    gr.on(
        [folder.submit, button.click],
        add,
        folder,
        [added, status],
        **QUIET,
    )


def _show(hits: list[Hit], say: Language) -> str:
    with ThreadPoolExecutor(4) as pool:
        return gallery(hits, pool.map(_thumbnail, [hit.path for hit in hits]), say)


def _thumbnail(path: Path) -> str | None:
    try:
        return thumbnail(path, _THUMBNAIL)
    except ImageError:
        return None


def _library_report(report: LibraryReport, say: Language) -> str:
    counts = {
        "added": report.added,
        "changed": report.updated,
        "moved": report.moved,
        "removed": report.removed,
        "unchanged": report.unchanged,
        "unreadable": len(report.unreadable),
    }
    told = [say("library-report", what=what, number=number) for what, number in counts.items() if number]
    unreadable = "".join(notice(photo.error, bad=True) for photo in report.unreadable[:_PROBLEMS])
    left = len(report.unreadable) - _PROBLEMS
    more = notice(say("library-more-unreadable", number=left), bad=True) if left > 0 else ""
    return notice(f"{', '.join(told) or say('library-nothing')}.") + unreadable + more


def _library_status(library: Library, say: Language) -> str:
    try:
        return notice(say("library-size", photos=len(library)))
    except DalipError as error:
        return notice(say.error(error), bad=True)
