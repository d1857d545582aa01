"""The web page: identify a photo, search the library, and read what DALIP is."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import gradio as gr
from PIL import Image

from dalip.encoder import open_image
from dalip.errors import DalipError, ImageError
from dalip_app.cards import CAUTION, EMPTY_ANSWER, about, answer_cards, gallery, notice, progress_bar
from dalip_app.flora_page import flora_tab
from dalip_app.gradio_api import add_identify
from dalip_app.heat import heat_picture
from dalip_app.journal_page import KeepForm, Seen, journal_tab
from dalip_app.library_cli import summary
from dalip_app.live import LiveFlora
from dalip_app.parts import QUIET, live_html
from dalip_app.photo_picker import (
    contact_sheet,
    make_picker,
    read_uploads,
    show_photo,
    show_problem,
    thumbnail,
    to_data_uri,
)
from dalip_index import Hit, Journal, Library, LibraryReport

__all__ = ["TITLE", "make_page"]

TITLE = "DALIP: names for plants"

_STATIC = Path(__file__).parent / "static"
_TOP_K = 5
_HITS = 24
_PREVIEW, _THUMBNAIL = 1024, 340  # pixels
_REDRAW = 0.2  # seconds between steps of a progress bar
_PROBLEMS = 10  # shown at most
_KEEP_UPLOADS = (60, 480)  # seconds between looks, and the age from which an upload is deleted

_MASTHEAD = f"""<header class="masthead">{(_STATIC / "leaf.svg").read_text(encoding="utf-8")}
<div><h1>DALIP</h1><p>Names for plants, from a photo, on your own computer</p></div></header>"""


def make_page(
    live: LiveFlora, library: Library, journal: Journal | None, *, may_add_folders: bool
) -> gr.Blocks:
    """Lay out the page.

    Args:
        live: What answers come from.
        library: The user's photos.
        journal: Where observations are kept; `None` where visitors are strangers, who shall not see it.
        may_add_folders: Whether visitors may name folders of this computer for the library.
    """
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=_KEEP_UPLOADS) as page:
        add_identify(live)
        gr.HTML(_MASTHEAD, apply_default_css=False)
        with gr.Tabs():
            with gr.Tab("Identify", id="identify"):
                _identify_tab(live, journal)
            with gr.Tab("Search", id="search"):
                _search_tab(live, library, may_add_folders, page)
            with gr.Tab("Flora", id="flora") as tab:
                flora_tab(live, journal, tab)
            if journal is not None:
                with gr.Tab("Journal", id="journal") as tab:
                    journal_tab(live, journal, tab)
            with gr.Tab("About", id="about"):
                gr.HTML(lambda: about(live.now()), apply_default_css=False)
    return page


def _identify_tab(live: LiveFlora, journal: Journal | None) -> None:
    with gr.Row(equal_height=False, elem_classes="two-columns"):
        with gr.Column(scale=1, min_width=320):
            picker = make_picker("A photo of a plant", "identify-photo", several=True)
        with gr.Column(scale=1, min_width=320):
            answer = live_html(EMPTY_ANSWER, "identify-answer")
            gr.HTML(CAUTION, apply_default_css=False)
            keep = KeepForm(live, journal) if journal is not None else None

    def identify(photo: Any) -> list[Any]:
        seen: list[Seen] = []

        def answer_to(photos: list[bytes]) -> str:
            flora = live.now()
            found, _ = flora.identify_together(photos, top_k=_TOP_K)
            if found is None:
                raise ImageError("the photo cannot be read; choose another")
            if keep:
                seen.append(Seen.of(found, photos))
            alone = open_image(photos[0], target=_PREVIEW // 2) if len(photos) == 1 else None
            picture = heat_picture(flora, alone, found) if alone else None
            return answer_cards(found, flora, to_data_uri(picture, picture.width) if picture else "")

        shown = list(_look_at(photo, answer_to, EMPTY_ANSWER))
        return shown + ((KeepForm.show(seen[0]) if seen else KeepForm.hide()) if keep else [])

    picker.upload(
        identify,
        picker,
        [picker, answer, *(keep.outputs if keep else [])],
        trigger_mode="always_last",
        **QUIET,
    )


def _search_tab(live: LiveFlora, library: Library, may_add_folders: bool, page: gr.Blocks) -> None:
    with gr.Row(equal_height=False, elem_classes="two-columns"):
        with gr.Column(scale=3, min_width=300):
            with gr.Row(elem_classes="with-button", equal_height=False):
                text = gr.Textbox(
                    label="Search your photos in words",
                    placeholder="yellow flower by a river",
                    max_lines=1,
                    scale=4,
                    min_width=180,
                    elem_id="search-text",
                )
                button = gr.Button(
                    "Search", variant="primary", scale=1, min_width=110, elem_id="search-button"
                )
            status = gr.HTML("", apply_default_css=False, elem_id="library-status")
        with gr.Column(scale=2, min_width=300):
            picker = make_picker("Or find what looks like a photo", "search-photo", "search-photo")
    found = live_html("", "search-answer")

    def by_text(words: str) -> str:
        try:
            return _show(library.search_text(words, live.encoder, _HITS))
        except DalipError as error:
            return notice(_plain(error), bad=True)

    def by_photo(photo: Any) -> tuple[gr.HTML, str]:
        return _look_at(photo, lambda found: _show(library.search_image(found[0], live.encoder, _HITS)), "")

    gr.on([text.submit, button.click], by_text, text, found, **QUIET)
    picker.upload(
        by_photo,
        picker,
        [picker, found],
        trigger_mode="always_last",
        **QUIET,
    )
    page.load(lambda: _library_status(library), None, status, **QUIET)
    if may_add_folders:
        _add_folder_form(live, library, status)


def _add_folder_form(live: LiveFlora, library: Library, status: gr.HTML) -> None:
    gr.HTML('<h2 class="section-title">Your folders</h2>', apply_default_css=False)
    with gr.Row(equal_height=False, elem_classes="with-button"):
        folder = gr.Textbox(
            label="A folder of photos on this computer",
            placeholder="~/Pictures/Garden",
            max_lines=1,
            scale=4,
            min_width=260,
            elem_id="library-folder",
        )
        button = gr.Button("Add or update", scale=1, min_width=150, elem_id="library-add")

    def add(name: str) -> Iterator[tuple[str, Any]]:
        if not name.strip():
            yield notice("Name a folder first.", bad=True), gr.skip()
            return
        yield notice("Looking for photos"), gr.skip()
        steps: SimpleQueue[tuple[str, int, int] | Future[LibraryReport]] = SimpleQueue()
        with ThreadPoolExecutor(1) as pool:
            folder = Path(name.strip()).expanduser()
            report = pool.submit(library.add, folder, live.encoder, lambda *step: steps.put(step))
            report.add_done_callback(steps.put)
            shown = 0.0
            while not isinstance(step := steps.get(), Future):
                if time.monotonic() - shown > _REDRAW:
                    shown = time.monotonic()
                    yield progress_bar(*step), gr.skip()
        try:
            yield _library_report(report.result()), _library_status(library)
        except DalipError as error:
            yield notice(_plain(error), bad=True), gr.skip()

    added = live_html("", "library-added")
    gr.on(
        [folder.submit, button.click],
        add,
        folder,
        [added, status],
        **QUIET,
    )


def _look_at(payload: Any, answer: Callable[[list[bytes]], str], nothing: str) -> tuple[gr.HTML, str]:
    """Answer for uploaded photos: the picker with a preview and the answer; or with what went wrong.

    Of several photos those that can be read are answered for, and the others are told of.
    """
    try:
        readable: list[bytes] = []
        pictures: list[Image.Image] = []
        problems: list[ImageError] = []
        for data in read_uploads(payload):
            try:
                pictures.append(open_image(data, target=_PREVIEW // 2))
                readable.append(data)
            except ImageError as error:
                problems.append(error)
        if not readable:
            raise problems[0]
        told = "".join(notice(_plain(error), bad=True) for error in problems)
        return show_photo(to_data_uri(contact_sheet(pictures), _PREVIEW)), told + answer(readable)
    except DalipError as error:
        return show_problem(_plain(error)), nothing


def _plain(error: DalipError) -> str:
    """Turn an error's line into a sentence for someone who has a page and no command line."""
    text = str(error).replace("the image: ", "This file ", 1)
    text = text.replace("`dalip library add FOLDER` fills it", "add a folder of photos below")
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def _show(hits: list[Hit]) -> str:
    with ThreadPoolExecutor(4) as pool:
        return gallery(hits, pool.map(_thumbnail, [hit.path for hit in hits]))


def _thumbnail(path: Path) -> str | None:
    try:
        return thumbnail(path, _THUMBNAIL)
    except ImageError:
        return None


def _library_report(report: LibraryReport) -> str:
    unreadable = "".join(notice(photo.error, bad=True) for photo in report.unreadable[:_PROBLEMS])
    left = len(report.unreadable) - _PROBLEMS
    more = notice(f"and {left:,} more that cannot be read", bad=True) if left > 0 else ""
    return notice(f"{summary(report).capitalize()}.") + unreadable + more


def _library_status(library: Library) -> str:
    try:
        photos = len(library)
    except DalipError as error:
        return notice(_plain(error), bad=True)
    return notice(
        f"{photos:,} photos in your library." if photos else "Your library is empty: add a folder of photos."
    )
