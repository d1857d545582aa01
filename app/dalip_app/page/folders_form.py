"""The form for the folders of the library: add, update, remove, and show progress."""

from functools import partial
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from dalip.errors import DalipError
from dalip_app.messages.errors import sentence_about
from dalip_app.messages.language import Language
from dalip_app.page.cards import notice, progress_bar
from dalip_app.page.components import QUIET, live_html
from dalip_app.server.indexing import Indexing, IndexingState
from dalip_index import LibraryReport

__all__ = ["folders_form"]

_LOOK = 1.0  # seconds between updates of the progress
_PROBLEMS = 10  # maximum number shown


def folders_form(say: Language, indexing: Indexing, changes: gr.State, page: gr.Blocks, tab: gr.Tab) -> None:
    """Lay out the folders of the library and the form to add one.

    Args:
        say: The language.
        indexing: The background job that indexes folders.
        changes: Counter that changes whenever the library has changed.
        page: The page.
        tab: The tab that contains it; the folders are refreshed whenever the tab is opened.
    """
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
    said, state = live_html("", "library-said"), live_html("", "library-state")
    cancel = gr.Button(say("library-cancel"), visible=False, elem_id="library-cancel")
    seen, timer = gr.State(-1), gr.Timer(_LOOK, active=False)

    def look(seen_: int, number: int) -> list[Any]:
        now = indexing.state
        number += now.finished != seen_
        return [
            _told(now, say),
            gr.Button(visible=now.running),
            gr.Timer(active=now.running),
            now.finished,
            number,
        ]

    outputs = [state, cancel, timer, seen, changes]

    def add(name: str | None, seen_: int, number: int) -> list[Any]:
        name = (name or "").strip()
        try:
            if name:
                indexing.add(_folder(name))
            elif indexing.library.folders():
                indexing.update()
            else:
                return [notice(say("library-no-folder"), bad=True), *look(seen_, number)]
        except DalipError as error:
            return [notice(sentence_about(error, say), bad=True), *look(seen_, number)]
        return ["", *look(seen_, number)]

    def arrive(seen_: int, number: int) -> list[Any]:
        """Show running work, but not reports of earlier work for other visits."""
        told, *rest = look(seen_, number)
        return [told if indexing.state.running else "", *rest]

    def stop(seen_: int, number: int) -> list[Any]:
        indexing.cancel()
        return look(seen_, number)

    gr.on([folder.submit, button.click], add, [folder, seen, changes], [said, *outputs], **QUIET)
    cancel.click(stop, [seen, changes], outputs, **QUIET)
    timer.tick(look, [seen, changes], outputs, **QUIET)
    gr.on([page.load, tab.select], arrive, [seen, changes], outputs, **QUIET)
    _list(say, indexing, changes, said, state)


def _folder(name: str) -> Path:
    try:
        return Path(name).expanduser()
    except RuntimeError:  # `~someone` who has no account here
        return Path(name)


def _list(say: Language, indexing: Indexing, changes: gr.State, said: gr.HTML, state: gr.HTML) -> None:
    @gr.render([changes], show_progress="hidden")  # type: ignore[untyped-decorator]
    def show(number_: int) -> None:
        try:
            folders = indexing.library.folders()
        except DalipError as error:
            gr.HTML(notice(sentence_about(error, say), bad=True), apply_default_css=False)
            return
        for folder, photos in folders.items():
            with gr.Row(elem_classes="folder", equal_height=True):
                text = f"{escape(folder)} <span>{escape(say('library-photos', photos=photos))}</span>"
                gr.HTML(f'<p class="folder-name">{text}</p>', apply_default_css=False, min_width=200)
                button = gr.Button(say("library-forget"), scale=0, min_width=110)
                forgets = partial(forget, folder)
                # The key lets a click be obeyed that reaches the server after the list has been laid out again.
                button.click(forgets, changes, [said, state, changes], key=("forget", folder), **QUIET)

    def forget(folder: str, number: int) -> tuple[str, str, int]:
        try:
            photos = indexing.forget(Path(folder))
        except DalipError as error:
            return notice(sentence_about(error, say), bad=True), "", number + 1
        return notice(say("library-forgotten", folder=folder, photos=photos)), "", number + 1


def _told(now: IndexingState, say: Language) -> str:
    if not now.running:
        if now.error is not None:
            return notice(sentence_about(now.error, say), bad=True)
        return _reported(now.report, say) if now.report else ""
    where = now.folder or say("library-all")
    if not now.stage:
        text, share = say("library-looking", folder=where), 0.0
    elif now.stage == "photos":
        text = say("library-progress", done=now.done, total=now.total, folder=where)
        share = now.done / max(now.total, 1)
    else:
        text, share = say("library-naming", done=now.done), 1.0
    waiting = notice(say("library-waiting", folders=", ".join(now.waiting))) if now.waiting else ""
    return progress_bar(text, share) + waiting


def _reported(report: LibraryReport, say: Language) -> str:
    told = [
        say("library-report", what=what.replace(" ", "-"), number=number)
        for what, number in report.counts.items()
    ]
    told += [say("library-stopped")] if report.stopped else []
    unreadable = "".join(
        notice(sentence_about(photo.error, say), bad=True) for photo in report.skipped[:_PROBLEMS]
    )
    left = len(report.skipped) - _PROBLEMS
    more = notice(say("library-more-unreadable", number=left), bad=True) if left > 0 else ""
    return notice(f"{', '.join(told) or say('library-nothing')}.") + unreadable + more
