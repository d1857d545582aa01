"""The Flora tab: find plants in the flora, teach it new ones, remove taught ones."""

from collections.abc import Sequence
from functools import lru_cache, partial
from html import escape
from typing import Any

import gradio as gr
import numpy as np

from dalip.datasets.names.resolver import Resolver
from dalip.errors import DalipError, DataError, FloraError, ImageError
from dalip.photos import open_image
from dalip.ranks import RANKS
from dalip.taxonomy import Taxon
from dalip_app.messages.cautions import known_harm
from dalip_app.messages.errors import sentence_about
from dalip_app.messages.language import Language
from dalip_app.messages.words import best_name, common_name
from dalip_app.page.cards import facts_list, links, notice
from dalip_app.page.components import QUIET, live_html
from dalip_app.page.photo_picker import read_upload, thumbnail
from dalip_app.page.plant_names import find_taxa
from dalip_app.server.floras import Floras
from dalip_index import Flora, Journal, forget_taxon, teach_taxon
from dalip_index.build.plants import plant_to_teach

__all__ = ["flora_tab"]

_SHOWN = 30  # taxa
_SAME_NAME = ("exact", "synonym", "common name")
_PHOTOS = 6  # the user's own photos shown per taxon
_THUMBNAIL = 200  # pixels


def flora_tab(
    say: Language, floras: Floras, which: gr.Dropdown, journal: Journal | None, tab: gr.Tab
) -> None:
    """Lay out the plants of the flora and, unless the page is public, the form to teach it a plant.

    Args:
        say: The language.
        floras: The floras.
        which: The flora that the visitor chose.
        journal: The user's own photos; `None` on a public page, where teaching is disabled.
        tab: The tab that contains it; the plants are refreshed whenever the tab is opened.
    """
    words = gr.Textbox(
        label=say("flora-find"),
        info=say("flora-find-hint"),
        placeholder=say("flora-find-example"),
        max_lines=1,
        elem_id="flora-search",
    )
    found = live_html("", "flora-found")

    def show(asked: str | None, chosen: str | None) -> str:
        # A fast visitor can trigger this before the inputs have values.
        return _found(say, floras(chosen).now(), journal, asked or "")

    gr.on([words.change, which.change], show, [words, which], found, trigger_mode="always_last", **QUIET)
    tab.select(show, [words, which], found, **QUIET)
    if journal is not None:
        _teach_form(say, floras, which, words, found, journal)


def _found(say: Language, flora: Flora, journal: Journal | None, words: str) -> str:
    shown, plants = find_taxa(flora, words, _SHOWN)
    if not shown:
        return notice(say("flora-none"))
    more = "-more" if plants > _SHOWN else ""
    number, pictures = notice(say(f"flora-found{more}", plants=plants, shown=_SHOWN)), dict[str, list[str]]()
    if journal is not None:
        mine, names = journal.photographed(_PHOTOS), {taxon.scientific_name for taxon in shown}
        pictures = {name: [_picture(journal, seen) for seen in mine[name]] for name in names & mine.keys()}
    entries = "".join(_taxon(say, flora, taxon, pictures.get(taxon.scientific_name, ())) for taxon in shown)
    return f'{number}<div class="taxa">{entries}</div>'


@lru_cache(maxsize=1000)  # about 10 KB each; saved photos never change
def _picture(journal: Journal, observation: str) -> str:
    return thumbnail(journal.photos(observation, 1)[0], _THUMBNAIL)


def _taxon(say: Language, flora: Flora, taxon: Taxon, pictures: Sequence[str]) -> str:
    row, known = flora.row(taxon), flora.prototypes
    languages: dict[str, list[str]] = {}
    for name in taxon.vernacular_names:
        languages.setdefault(name.language, []).append(name.name)
    counts = {"texts": int(known.text_counts[row]), "photos": int(known.photo_counts[row])}
    evidence = say("flora-evidence", **counts)
    harm = known_harm(taxon, partial(best_name, code=say.code), say)
    facts = {
        say("flora-rank"): say("rank", rank=taxon.taxon_rank),
        say("flora-family"): taxon.family,
        say("flora-order"): taxon.order,
        **{say("flora-names", language=code): ", ".join(names) for code, names in languages.items()},
        say("flora-known-by"): say("flora-taught", evidence=evidence) if known.taught[row] else evidence,
        say("flora-harm"): harm or say("flora-harm-unknown"),
    }
    preferred = common_name(taxon, say.code)
    common = f" <span>{escape(preferred)}</span>" if preferred else ""
    scientific = f'<em class="taxon">{escape(taxon.scientific_name)}</em>'
    return (
        f'<details class="flora-taxon"><summary>{scientific}{common}</summary>'
        f"{facts_list(facts)}{_own_photos(say, taxon, pictures)}"
        f'<p class="card-links">{links(taxon, say)}</p></details>'
    )


def _own_photos(say: Language, taxon: Taxon, pictures: Sequence[str]) -> str:
    shown = escape(say("flora-own-photo", plant=best_name(taxon, say.code)))
    images = "".join(f'<img src="{uri}" alt="{shown}">' for uri in pictures)
    return f'<div class="own-photos">{images}</div>' if images else ""


def _teach_form(
    say: Language, floras: Floras, which: gr.Dropdown, words: gr.Textbox, found: gr.HTML, journal: Journal
) -> None:
    gr.HTML(f'<h2 class="section-title">{say("teach-title")}</h2>', apply_default_css=False)
    gr.HTML(notice(say("teach-lesson")), apply_default_css=False)
    with gr.Row(equal_height=False):
        name = gr.Textbox(
            label=say("teach-name"),
            placeholder="Monstera deliciosa",
            max_lines=1,
            min_width=220,
            elem_id="teach-name",
        )
        common = gr.Textbox(
            label=say("teach-common"),
            placeholder=say("teach-common-example"),
            max_lines=1,
            min_width=220,
            elem_id="teach-common",
        )
        family = gr.Textbox(
            label=say("teach-family"),
            placeholder="Araceae",
            max_lines=1,
            min_width=160,
            elem_id="teach-family",
        )
        rank = gr.Dropdown(
            [("", ""), *((say("rank", rank=rank), rank) for rank in RANKS)],
            value="",
            label=say("teach-rank"),
            min_width=140,
            elem_id="teach-rank",
        )
    with gr.Row(elem_classes="with-button", equal_height=False):
        photos = gr.File(
            label=say("teach-photos"),
            file_count="multiple",
            file_types=["image"],
            height=150,
            elem_id="teach-photos",
        )
        with gr.Column(min_width=200):
            teach = gr.Button(say("teach-button"), variant="primary", elem_id="teach-button")
            forget = gr.Button(say("teach-forget"), elem_id="teach-forget")
    said = live_html("", "teach-said")

    def learn(
        name_: str, common_: str, family_: str, rank_: str, paths: list[str] | None, asked: str, chosen: str
    ) -> tuple[str, str, Any]:
        live = floras(chosen)
        fields = {"scientificName": name_, "vernacularName": common_, "family": family_, "taxonRank": rank_}
        path, start = live.to_teach
        notes: list[DataError] = []
        try:
            taxon = plant_to_teach(path, start, fields, notes.append)
            if not paths:
                return notice(say("teach-no-photos"), bad=True), gr.skip(), gr.skip()
            good, bad = _readable(paths)
            teach_taxon(path, live.encoder, taxon, good, start=start)
        except DalipError as error:
            return notice(sentence_about(error, say), bad=True), gr.skip(), gr.skip()
        lines = "".join(notice(sentence_about(note, say)) for note in notes)
        lines += notice(say("taught", plant=taxon.scientific_name, photos=len(good)))
        for number, problem in bad.items():
            lines += notice(say("teach-photo", number=number, problem=sentence_about(problem, say)), bad=True)
        return lines, _found(say, live.now(), journal, asked), None

    def unlearn(name_: str, asked: str, chosen: str) -> tuple[str, str]:
        live = floras(chosen)
        path, _ = live.to_teach
        asked_ = " ".join(name_.split())
        if not asked_:
            return notice(sentence_about(DataError("no-name"), say), bad=True), gr.skip()
        whole = live.now().whole
        # In a flora that keeps its photos, the photos record which plants were taught.
        taught = np.arange(len(whole.taxa)) if whole.manifest.keeps_all else np.flatnonzero(whole.is_taught)
        found = Resolver(whole.name_index.among(taught)).resolve(asked_)
        if found.refused:
            return notice(sentence_about(found.error, say), bad=True), gr.skip()
        name_ = found.taxon.scientific_name if found.taxon and found.how in _SAME_NAME else ""
        if not name_:
            return notice(sentence_about(FloraError("not-taught", plant=asked_), say), bad=True), gr.skip()
        try:
            forget_taxon(path, live.encoder, name_)
        except DalipError as error:
            return notice(sentence_about(error, say), bad=True), gr.skip()
        return notice(say("forgotten", plant=name_)), _found(say, live.now(), journal, asked)

    teach.click(
        learn,
        [name, common, family, rank, photos, words, which],
        [said, found, photos],
        api_visibility="private",
    )
    forget.click(unlearn, [name, words, which], [said, found], api_visibility="private")


def _readable(paths: Sequence[str]) -> tuple[list[bytes], dict[int, ImageError]]:
    """Read photo files; return the readable ones, and the errors of the others by position, from 1."""
    good: list[bytes] = []
    bad: dict[int, ImageError] = {}
    for number, path in enumerate(paths, 1):
        try:
            content = read_upload({"path": path})
            open_image(content, target=_THUMBNAIL)
            good.append(content)
        except ImageError as error:
            bad[number] = error
    return good, bad
