"""The layout of the page: all tabs, in one language."""

from html import escape
from pathlib import Path

import gradio as gr

from dalip.disk import find_write_fault
from dalip_app.messages.errors import describe
from dalip_app.messages.language import LANGUAGES, Language, language
from dalip_app.page.cards import about, notice
from dalip_app.page.components import QUIET
from dalip_app.page.flora_tab import flora_tab
from dalip_app.page.gradio_api import add_identify
from dalip_app.page.identify_tab import identify_tab
from dalip_app.page.journal_tab import journal_tab
from dalip_app.page.search_tab import search_tab
from dalip_app.server.floras import Floras
from dalip_app.server.indexing import Indexing
from dalip_app.server.visits import Visits, journal_of
from dalip_index import OWN_LIMITS, VISITOR_LIMITS, Journal
from dalip_index.places import BUILT_IN

__all__ = ["address_of", "make_page"]

_LEAF = Path(__file__).parent / "static" / "leaf.svg"
_KEEP_UPLOADS = (60, 480)  # seconds between checks, and age in seconds at which an upload is deleted


def address_of(code: str) -> str:
    """Return the path of the page in a language; the English page is at the root."""
    return "/" if code == "en" else f"/{code}/"


def make_page(
    say: Language,
    floras: Floras,
    indexing: Indexing | None,
    journal: Journal | Visits,
    *,
    may_add_folders: bool,
) -> gr.Blocks:
    """Lay out the page.

    Args:
        say: Its language.
        floras: The floras; with several, visitors choose one.
        indexing: The library and the job that updates it; `None` on a public page, which has no search.
        journal: The user's journal, which also allows teaching; on a public page, the journals of all visits.
        may_add_folders: Whether visitors may add folders of this computer to the library.
    """
    public = isinstance(journal, Visits)
    own = journal if isinstance(journal, Journal) else None
    of_visit = journal_of(journal)
    with gr.Blocks(title=say("page-title"), analytics_enabled=False, delete_cache=_KEEP_UPLOADS) as page:
        add_identify(floras)
        gr.HTML(_masthead(say, public), apply_default_css=False)
        if public:
            gr.HTML(notice(say("page-public")), apply_default_css=False, elem_id="public")
        if own is not None:
            unsaved = gr.HTML(_not_saved(say, own), apply_default_css=False, elem_id="not-saved")
            page.load(lambda: _not_saved(say, own), None, unsaved, **QUIET)
        which = gr.Dropdown(
            [(say("flora-builtin") if name == str(BUILT_IN) else name, name) for name in floras.names],
            value=floras.names[0],
            label=say("page-flora"),
            visible=len(floras.names) > 1,
            elem_id="page-flora",
        )
        with gr.Tabs():
            with gr.Tab(say("tab-identify"), id="identify"):
                identify_tab(say, floras, which, of_visit)
            if indexing is not None:
                with gr.Tab(say("tab-search"), id="search") as tab:
                    search_tab(say, floras(), indexing, may_add_folders, page, tab)
            with gr.Tab(say("tab-flora"), id="flora") as tab:
                flora_tab(say, floras, which, own, tab)
            with gr.Tab(say("tab-journal"), id="journal") as tab:
                limits = VISITOR_LIMITS if own is None else OWN_LIMITS
                journal_tab(say, floras, which, of_visit, tab, limits, may_teach=own is not None)
            with gr.Tab(say("tab-about"), id="about"):
                told = gr.HTML(about(floras().now(), say), apply_default_css=False)
        gr.on(
            [page.load, which.change],
            lambda chosen: about(floras(chosen).now(), say),
            which,
            told,
            trigger_mode="always_last",
            **QUIET,
        )
        if isinstance(journal, Visits):

            def goodbye(request: gr.Request) -> None:
                journal.end(request.session_hash)

            page.unload(goodbye)
    return page


def _not_saved(say: Language, journal: Journal) -> str:
    """Return a notice that nothing can be saved in the data folder, and why; empty if it can be written."""
    fault = find_write_fault(journal.path.parent)
    return notice(say("page-not-saved", cause=describe(fault, say, "page")), bad=True) if fault else ""


def _masthead(say: Language, public: bool) -> str:
    others = "".join(
        f'<a href="{address_of(code)}?lang={code}" lang="{code}" hreflang="{code}">'
        f"{escape(language(code)('language-name'))}</a>"
        for code in LANGUAGES
        if code != say.code
    )
    return (
        f'<header class="masthead">{_LEAF.read_text(encoding="utf-8")}<div><h1>DALIP</h1>'
        f"<p>{escape(say('page-tagline-public' if public else 'page-tagline'))}</p></div>"
        f'<nav aria-label="{escape(say("page-languages"))}">{others}</nav></header>'
    )
