"""The Journal tab: view, edit, export and import the saved observations."""

import shutil
import tempfile
from contextlib import suppress
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import gradio as gr
from fastapi import FastAPI
from fastapi.responses import FileResponse
from starlette.background import BackgroundTask

from dalip.errors import DalipError, ImageError, Skipped
from dalip_app.messages.errors import sentence_about
from dalip_app.messages.language import Language
from dalip_app.messages.words import percent
from dalip_app.page.cards import notice
from dalip_app.page.components import QUIET, live_html
from dalip_app.page.keep_form import JournalOf
from dalip_app.page.photo_picker import thumbnail
from dalip_app.page.plant_names import ON_KEY, name_choices, named_by_user, suggested
from dalip_app.server.floras import Floras, LiveFlora
from dalip_index import Flora, ImportLimits, Journal, Observation, export_journal, import_journal
from dalip_index.journal.lessons import lessons, teach_lesson

__all__ = ["add_export", "journal_tab"]

_EXPORT = "/journal.zip"
_SHOWN = 12  # observations shown at first and added by each click on the button
_THUMBNAIL = 320  # pixels
_LISTED = 5  # what an import did not use


def journal_tab(
    say: Language,
    floras: Floras,
    which: gr.Dropdown,
    journal_of: JournalOf,
    tab: gr.Tab,
    limits: ImportLimits,
    *,
    may_teach: bool,
) -> None:
    """Lay out the journal: observations that can be edited or deleted, export and import.

    Args:
        say: The language.
        floras: The floras, whose names are offered.
        which: The flora that the visitor chose, which is also the one to teach.
        journal_of: Returns the journal of a visit.
        tab: The tab that contains it; the journal is refreshed whenever the tab is opened.
        limits: What one import may use.
        may_teach: Whether visitors may teach the flora.
    """
    with gr.Row(elem_classes="with-button", equal_height=False):
        order = gr.Radio(
            [(say("journal-in-doubt"), "doubt"), (say("journal-newest"), "date")],
            value="date",
            label=say("journal-order"),
            scale=3,
            min_width=280,
            elem_id="journal-order",
        )
        with gr.Column(scale=2, min_width=280), gr.Row(equal_height=True, elem_id="journal-files"):
            export = gr.HTML(_export_link(say, ""), apply_default_css=False)
            brought = gr.UploadButton(
                say("journal-import"),
                file_types=[".zip", ".csv", ".json"],
                min_width=100,
                elem_id="journal-import",
            )
    said = live_html("", "journal-said")
    if may_teach:

        def learn(request: gr.Request, chosen: str) -> str:
            return _teach(say, floras(chosen), journal_of(request.session_hash))

        teach = gr.Button(say("journal-teach"), elem_id="journal-teach")
        teach.click(learn, which, said, api_visibility="private")
    changes, shown = gr.State(0), gr.State(_SHOWN)

    # Events have keys, so that a click is obeyed that reaches the server after the list has been laid out again.
    @gr.render([order, changes, shown, which], show_progress="hidden")  # type: ignore[untyped-decorator]
    def show(request: gr.Request, order: Any, changes_: int, shown_: int, chosen: str | None) -> None:
        journal = journal_of(request.session_hash)
        try:
            unusable: list[Skipped] = []
            number, found = (
                len(journal),
                journal.observations(order or "date", shown_, on_skip=unusable.append),
            )
        except DalipError as error:
            gr.HTML(notice(sentence_about(error, say), bad=True), apply_default_css=False)
            return
        words = say("journal-size", number=number) if number else say("journal-empty")
        gr.HTML(notice(words), apply_default_css=False, elem_id="journal-number")
        flora = floras(chosen).now()
        for seen in found:
            _entry(say, flora, journal, seen, changes, said)
        for skipped in unusable:
            _unusable_entry(say, journal, skipped, changes, said)
        if number > shown_:
            gr.Button(say("journal-more"), elem_id="journal-more").click(
                lambda shown: shown + _SHOWN, shown, shown, key="more", **QUIET
            )

    def opened(request: gr.Request, number: int) -> tuple[int, str]:
        return number + 1, _export_link(say, request.session_hash)

    def bring(request: gr.Request, path: str | None, number: int) -> tuple[str, int]:
        if not path:
            return "", number
        return _import(say, journal_of(request.session_hash), path, limits), number + 1

    tab.select(opened, changes, [changes, export], **QUIET)
    brought.upload(bring, [brought, changes], [said, changes], **QUIET)


def _entry(
    say: Language, flora: Flora, journal: Journal, seen: Observation, changes: gr.State, said: gr.HTML
) -> None:
    likely = {seen.answered, seen.name}
    with gr.Row(elem_classes="entry", equal_height=False):
        with gr.Column(min_width=280):
            gr.HTML(_entry_card(say, journal, seen), apply_default_css=False)
        change = say("journal-change", plant=seen.accepted)
        with gr.Column(min_width=280), gr.Accordion(change, open=False):
            name = gr.Dropdown(
                name_choices(flora, likely, say),
                value=seen.name or None,
                label=say("journal-name"),
                allow_custom_value=True,
                interactive=True,
            )
            date = gr.Textbox(
                seen.event_date, label=say("journal-date"), placeholder="2026-05-31", max_lines=1
            )
            notes = gr.Textbox(seen.notes, label=say("journal-notes"), lines=2)
            with gr.Row():
                save = gr.Button(say("journal-save"), variant="primary", min_width=100)
                delete = gr.Button(say("journal-delete"), variant="stop", min_width=100)

    def keep(number: int, name_: str | None, date_: str, notes_: str) -> tuple[int, str]:
        try:
            named, told = named_by_user(name_ or "", flora.whole.names, say)
            journal.change(seen.id, name=named, event_date=date_.strip(), notes=notes_)
        except DalipError as error:  # perhaps it was deleted elsewhere, so refresh the list
            return number + 1, notice(sentence_about(error, say), bad=True)
        return number + 1, told + notice(say("journal-saved", plant=named or seen.answered))

    save.click(keep, [changes, name, date, notes], [changes, said], key=("save", seen.id), **QUIET)
    _removes(delete, say, journal, seen.id, seen.accepted, changes, said)

    def suggest(typed: gr.KeyUpData) -> Any:
        return suggested(flora, likely, say, typed)

    name.key_up(suggest, None, name, key=("suggest", seen.id), **ON_KEY)


def _unusable_entry(
    say: Language, journal: Journal, skipped: Skipped, changes: gr.State, said: gr.HTML
) -> None:
    """Show why an observation cannot be used, with a button to delete it."""
    with gr.Row(elem_classes="entry"):
        gr.HTML(notice(sentence_about(skipped.error, say), bad=True), apply_default_css=False)
        delete = gr.Button(say("journal-delete"), variant="stop", min_width=100)
    _removes(delete, say, journal, skipped.source, skipped.source, changes, said)


def _removes(
    button: gr.Button,
    say: Language,
    journal: Journal,
    identifier: str,
    plant: str,
    changes: gr.State,
    said: gr.HTML,
) -> None:
    """Let a button delete an observation."""

    def remove(number: int) -> tuple[int, str]:
        try:
            journal.remove(identifier)
        except DalipError as error:
            return number + 1, notice(sentence_about(error, say), bad=True)
        return number + 1, notice(say("journal-deleted", plant=plant))

    button.click(remove, changes, [changes, said], key=("remove", identifier), **QUIET)


def _entry_card(say: Language, journal: Journal, seen: Observation) -> str:
    picture = ""
    for photo in journal.photos(seen.id, 1):
        shown = escape(say("journal-photo", plant=seen.accepted))
        with suppress(ImageError):  # a photo that an earlier version accepted may be too large now
            picture = f'<img src="{thumbnail(photo, _THUMBNAIL)}" alt="{shown}">'
    share = "" if seen.probability is None else f", {percent(seen.probability)}"
    if seen.name == seen.answered:
        state = say("journal-confirmed")
    elif seen.name:
        state = say("journal-answered", plant=f"<em>{escape(seen.answered)}</em>") + escape(share)
    else:
        state = say("journal-unconfirmed") + escape(share)
    facts = [(seen.event_date or seen.created)[:10], state]
    if seen.latitude is not None:
        facts.append(f"{seen.latitude:.4f}, {seen.longitude:.4f}")
    notes = f"<p>{escape(seen.notes)}</p>" if seen.notes else ""
    return (
        f'<article class="entry-card">{picture}<div><h2 class="taxon">{escape(seen.accepted)}</h2>'
        f"<p>{' · '.join(facts)}</p>{notes}</div></article>"
    )


def _export_link(say: Language, visit: str) -> str:
    return f'<a class="button" href="{_EXPORT}?visit={quote(visit)}" download>{say("journal-export")}</a>'


def add_export(app: FastAPI, journal_of: JournalOf, temporary: Path) -> None:
    """Add the route that exports the journal as a Darwin Core Archive.

    Args:
        app: The application.
        journal_of: Returns the journal of a visit.
        temporary: Folder for archives until they are sent. It is deleted with the server, which also covers aborted
            downloads.
    """

    @app.get(_EXPORT, include_in_schema=False)
    def export(visit: str = "") -> FileResponse:
        folder = tempfile.mkdtemp(prefix="dalip-export-", dir=temporary)
        path = Path(folder, "dalip-journal.zip")
        try:
            export_journal(journal_of(visit), path)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        rest = BackgroundTask(shutil.rmtree, folder, ignore_errors=True)
        return FileResponse(path, filename=path.name, background=rest)


def _teach(say: Language, live: LiveFlora, journal: Journal) -> str:
    path, start = live.to_teach
    told = []
    left_out: list[Skipped] = []
    try:
        for lesson in lessons(journal, path, start, live.encoder, left_out.append):
            teach_lesson(lesson, path, start, live.encoder)
            told.append(f"{lesson.name} ({len(lesson.photos)})")
    except DalipError as error:
        return notice(sentence_about(error, say), bad=True)
    problems = "".join(notice(sentence_about(skipped.error, say), bad=True) for skipped in left_out)
    if not told:
        return problems or notice(say("journal-nothing-to-teach"))
    return problems + notice(say("journal-taught", plants=", ".join(told)))


def _import(say: Language, journal: Journal, path: str, limits: ImportLimits) -> str:
    try:
        done = import_journal(journal, Path(path), limits)
    except DalipError as error:
        # The path is where the server stored the upload, which is of no use to visitors.
        known = error.recast(DalipError) if error.source != path else DalipError(error.kind, **error.facts)
        return notice(sentence_about(known, say), bad=True)
    told = [say("journal-imported", added=done.added, there=done.there)]
    told += [sentence_about(skipped.error, say) for skipped in done.skipped[:_LISTED]]
    more = len(done.skipped) - _LISTED
    told += [say("journal-not-used-more", number=more)] if more > 0 else []
    return notice(" ".join(told), bad=bool(done.skipped))
