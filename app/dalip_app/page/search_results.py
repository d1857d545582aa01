"""The gallery of search results, with name, date and score of each photo."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from dalip.encoder import Encoder
from dalip.photos import FILE_TIME
from dalip_app.messages.language import Language
from dalip_app.page.cards import notice
from dalip_app.server.library_photos import photo_address, thumbnail_address
from dalip_index import Found, Hit, Library, PhotoFilter

__all__ = ["PAGE", "Asked", "gallery", "results"]

PAGE = 24
"""Photos shown at first and added by each click on the button."""

_CLOSEST = 6  # photos shown if there is no good match
_REFUSED = ("not in flora", "not a plant")


@dataclass(frozen=True)
class Asked:
    """The search of a visit."""

    words: str = ""
    photo: bytes = b""
    """An image file to search by instead of words; without both, all photos are listed."""
    everything: bool = False
    """Whether weak matches are shown as well."""
    shown: int = PAGE
    """Number of photos to show."""

    def of(self, library: Library, encoder: Encoder, only: PhotoFilter) -> Found:
        """Run the search; without good matches, return the few closest photos, which count as hidden.

        Raises:
            ImageError: The photo cannot be read.
            LibraryError: The library is empty or was made with another encoder.
        """
        if not (self.photo or self.words.strip()):
            return library.newest(self.shown, only=only)
        search = library.search_image if self.photo else library.search_text
        asked: Any = self.photo or self.words
        return search(asked, encoder, self.shown, only=only, everything=self.everything, closest=_CLOSEST)


def results(found: Found, say: Language) -> str:
    """Return the results as HTML, after a sentence with their number."""
    if not found.total and not found.hidden:
        return notice(say("search-none"))
    left = found.hidden - max(0, len(found.hits) - found.total)
    hidden = f" {say('search-hidden', photos=left)}" if left else ""
    return notice(say("search-found", photos=found.total) + hidden) + gallery(found.hits, say)


def gallery(hits: Sequence[Hit], say: Language) -> str:
    """Return photos as HTML. A click on a photo sends it to the Identify tab; see `search_hits.js`."""
    return f'<div class="hits">{"".join(_figure(hit, say) for hit in hits)}</div>' if hits else ""


def _figure(hit: Hit, say: Language) -> str:
    file = escape(hit.path.name)
    score = (
        ""
        if hit.similarity is None
        else f'<span class="hit-score"><span class="unseen">{say("answer-similarity")} </span>'
        f"{hit.similarity:.2f}</span>"
    )
    open_it = escape(say("search-identify", file=hit.path.name))
    day = hit.date[:10]
    date = escape(say("search-file-date", date=day)) if hit.date_source == FILE_TIME else day
    return (
        f'<figure class="hit" title="{escape(str(hit.path))}">'
        f'<a class="hit-open" href="{photo_address(hit.content)}" aria-label="{open_it}">'
        f'<img src="{thumbnail_address(hit.content)}" alt="" loading="lazy"></a><figcaption>'
        f'<span class="hit-name">{_name(hit, say)}</span>{score}'
        f'<span class="hit-facts">{date}</span><span class="hit-file">{file}</span></figcaption></figure>'
    )


def _name(hit: Hit, say: Language) -> str:
    if hit.name is None:
        return escape(say("search-unnamed"))
    verdict = escape(say("verdict", verdict=hit.name.verdict.replace(" ", "-")))
    if hit.name.verdict in _REFUSED:
        return verdict
    name = f'<em class="taxon">{escape(hit.name.scientific_name)}</em>'
    return name if hit.name.verdict == "sure" else f"{name} ({verdict})"
