"""The form below an answer that saves it to the journal: as correct, under another name, or for later."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from dalip.datasets.names.resolver import Resolver
from dalip.errors import DalipError, JournalError
from dalip.photos import PhotoDetails, read_details, small_copy
from dalip_app.messages.errors import sentence_about
from dalip_app.messages.language import Language
from dalip_app.page.cards import notice
from dalip_app.page.components import QUIET, live_html
from dalip_app.page.plant_names import ON_KEY, name_choices, named_by_user, suggested
from dalip_app.server.floras import Floras
from dalip_index import Flora, Identification, Journal, Observation

__all__ = ["JournalOf", "KeepForm", "Seen"]

JournalOf = Callable[[str], Journal]
"""Returns the journal of a visit by Gradio's `session_hash`; the user's own journal is the same for all visits."""


@dataclass(frozen=True)
class Seen:
    """The last identification of a visit, ready to be saved."""

    answer: Identification
    photos: tuple[bytes, ...]
    """Small copies without metadata."""
    details: PhotoDetails
    names: Resolver
    """The taxa of the flora that answered."""
    observation: str = ""
    """Id of the observation, once it is saved."""

    @property
    def likely(self) -> list[str]:
        """Scientific names of the answered taxa."""
        return [prediction.taxon.scientific_name for prediction in self.answer.predictions]

    @classmethod
    def of(cls, answer: Identification, photos: Sequence[bytes], flora: Flora) -> "Seen":
        """Prepare the answer of a flora and its photos; date and place are taken from the first photo."""
        return cls(answer, tuple(map(small_copy, photos)), read_details(photos[0]), flora.whole.names)


class KeepForm:
    """The form below an answer: it is correct, it is a different plant, or save it for later."""

    def __init__(self, say: Language, floras: Floras, which: gr.Dropdown, journal_of: JournalOf) -> None:
        """Lay out the form, hidden until there is an answer.

        Args:
            say: The language.
            floras: The floras, whose names are suggested.
            which: The flora that the visitor chose.
            journal_of: Returns the journal of a visit.
        """
        self._say, self._journal_of = say, journal_of
        self.seen = gr.State(None)
        with gr.Column(visible=False, elem_id="keep") as self.form:
            gr.HTML(f'<h2 class="section-title">{say("keep-title")}</h2>', apply_default_css=False)
            with gr.Row(elem_classes="with-button"):
                right = gr.Button(say("keep-right"), variant="primary", min_width=140, elem_id="keep-right")
                later = gr.Button(say("keep-later"), min_width=140, elem_id="keep-later")
            with gr.Row(elem_classes="with-button", equal_height=False):
                self.other = gr.Dropdown(
                    [],  # filled by `show`
                    value=None,
                    label=say("keep-other"),
                    info=say("keep-other-hint"),
                    allow_custom_value=True,
                    scale=3,
                    min_width=220,
                    elem_id="keep-name",
                )
                other = gr.Button(say("keep-other-button"), scale=1, min_width=170, elem_id="keep-other")
            details = gr.Checkbox(False, label=say("keep-details"), elem_id="keep-details")
            self.said = live_html("", "keep-said")

        def suggest(chosen: str | None, seen: Seen | None, typed: gr.KeyUpData) -> Any:
            return suggested(floras(chosen).now(), seen.likely if seen else (), say, typed)

        self.other.key_up(suggest, [which, self.seen], self.other, **ON_KEY)
        outputs = [self.seen, self.said]
        right.click(self._keep_as("right"), [self.seen, details], outputs, **QUIET)
        later.click(self._keep_as("later"), [self.seen, details], outputs, **QUIET)
        other.click(self._keep_as("other"), [self.seen, details, self.other], outputs, **QUIET)

    @property
    def outputs(self) -> list[Any]:
        """The components that an answering event must update, with the values of `show` or `hide`."""
        return [self.seen, self.form, self.said, self.other]

    def show(self, seen: Seen, flora: Flora) -> list[Any]:
        """Show the form for an identification, with the names of the flora that answered."""
        names = gr.Dropdown(name_choices(flora, seen.likely, self._say), value=None)
        return [seen, gr.Column(visible=True), "", names]

    @staticmethod
    def hide() -> list[Any]:
        """Hide the form."""
        return [None, gr.Column(visible=False), "", None]

    def _keep_as(self, said: str) -> Callable[..., tuple[Seen | None, str]]:
        def keep(
            request: gr.Request, seen: Seen | None, where: bool, name: str | None = None
        ) -> tuple[Seen | None, str]:
            return self._keep(self._journal_of(request.session_hash), seen, where, said, name or "")

        return keep

    def _keep(
        self, journal: Journal, seen: Seen | None, where: bool, said: str, name: str
    ) -> tuple[Seen | None, str]:
        say = self._say
        if seen is None:
            return None, notice(say("keep-nothing"), bad=True)
        name = " ".join(name.split())
        if said == "other" and not name:
            return seen, notice(say("keep-no-name"), bad=True)
        told = ""
        right = seen.answer.predictions[0].taxon.scientific_name
        try:
            if said == "other":
                name, told = named_by_user(name, seen.names, say)
            facts: dict[str, Any] = {"name": {"right": right, "other": name}.get(said, "")}
            if where:
                details = seen.details
                facts |= {
                    "event_date": details.event_date,
                    "latitude": details.latitude,
                    "longitude": details.longitude,
                }
            return self._save(journal, seen, facts), told + notice(say(f"kept-{said}", plant=name))
        except DalipError as error:
            return seen, notice(sentence_about(error, say), bad=True)

    @staticmethod
    def _save(journal: Journal, seen: Seen, facts: dict[str, Any]) -> Seen:
        """Update the observation of an answer, or create one if there is none or it was deleted in the meantime."""
        if seen.observation:
            try:
                journal.change(seen.observation, **facts)
                return seen
            except JournalError as error:
                if error.kind not in ("observation-gone", "no-journal"):
                    raise
        observation = Observation.of(seen.answer, **facts)
        journal.add(observation, seen.photos)
        return replace(seen, observation=observation.id)
