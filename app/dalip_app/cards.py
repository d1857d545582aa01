"""Answers as HTML. Everything that comes from files or users is escaped here and nowhere else."""

from collections.abc import Iterable, Sequence
from html import escape

from dalip.taxonomy import Taxon, VernacularName, reference_links
from dalip_app.words import cautions, promise, resemblance, score, sentence
from dalip_index import Flora, Hit, Identification, Prediction

__all__ = [
    "CAUTION",
    "EMPTY_ANSWER",
    "about",
    "answer_cards",
    "gallery",
    "links",
    "notice",
    "progress_bar",
]

CAUTION = (
    '<p class="caution"><strong>A name is no advice.</strong> Photos mislead, and look-alikes can be '
    "poisonous. Never eat a plant, or give or apply it to anyone, because of an answer on this page.</p>"
)

EMPTY_ANSWER = (
    '<div class="answer-empty"><p class="answer-empty-lead">Five likely names will appear here.</p>'
    "<p>A flower or a leaf that fills most of the photo, sharp and in daylight, is named best.</p></div>"
)

_ABOUT = """<div class="about"><h2>About DALIP</h2>
<p>DALIP compares your photo with every plant of a <em>flora</em>: a list of plants, each with its names, with
texts that describe it and, where there are any, with photos. The closest five are your answer.</p>
<p>All of this happens on the computer that runs DALIP. Your photos are sent to nobody else and deleted
within twenty minutes, unless you keep one in your journal, and this page loads nothing from the internet.
Links under an answer open other sites only when you follow them.</p>
<dl class="facts">{facts}</dl>
<h3>What it cannot do</h3>
<p>It knows only the plants of its flora. Most photos of other things it recognises as such, and some of other
plants; the rest get the name of a plant that they resemble. It looks at one photo, where a botanist looks at
leaf, stem, flower, fruit and place.
Plants that look alike are told apart badly.</p>
{caution}
<p>The code is under the Apache License 2.0; the weights have terms of their own, above.</p></div>"""

_UPRIGHT_RANKS = ("order", "family")  # by convention, names above the genus are not set in italics
_NAMES_SHOWN = 3


def _scientific(taxon: Taxon) -> str:
    name = escape(taxon.scientific_name)
    return name if taxon.taxon_rank in _UPRIGHT_RANKS else f'<em class="taxon">{name}</em>'


def _full_name(taxon: Taxon) -> str:
    common = taxon.vernacular_name
    return f"{_scientific(taxon)} ({escape(common)})" if common else _scientific(taxon)


def answer_cards(answer: Identification, flora: Flora, heat: str = "") -> str:
    """Show an answer: one sentence, then a card for each taxon, best first, and what the scores mean.

    Args:
        answer: The answer for one photo.
        flora: What gave it.
        heat: A picture that says why, as a data URI; nothing if there is none.
    """
    calibrated = flora.calibration.temperature is not None
    meaning = (
        f"The percentages take for granted that the plant is one of the {len(flora.taxa):,} in this flora, "
        "and hold for photos like those it was calibrated on."
        if calibrated
        else "The scores are similarities: 1 is the closest there can be. They are no probabilities, for "
        "this flora has not been calibrated."
    )
    cards = "".join(_card(prediction) for prediction in answer.predictions)
    promised, alike = promise(answer, _full_name), resemblance(answer, _full_name)
    warned = "".join(f'<p class="caution">{words}</p>' for words in cautions(answer, _full_name))
    return (
        f'<div class="answer" data-verdict="{escape(answer.verdict)}">'
        f'<h2 class="answer-sentence">{sentence(answer, _full_name)}</h2>'
        + (f'<p class="answer-promise">{promised}</p>' if promised else "")
        + warned
        + f'<ol class="cards">{cards}</ol>{_why(answer, heat)}<p class="answer-meaning">{alike} {meaning}</p></div>'
    )


def _why(answer: Identification, heat: str) -> str:
    if not heat:
        return ""
    first, second = (_full_name(prediction.taxon) for prediction in answer.predictions[:2])
    return (
        '<details class="why"><summary>Which parts of the photo speak for it?</summary><figure>'
        f'<img src="{heat}" alt="The photo, its parts coloured as said below"><figcaption>'
        f'<span class="why-for">Orange</span> parts speak for {first}, <span class="why-against">blue</span> parts for '
        f"{second}; the stronger the colour, the more. Only this middle square was looked at.</figcaption></figure>"
        "</details>"
    )


def links(taxon: Taxon) -> str:
    """Give links to pages of other sites about a taxon."""
    return "".join(
        f'<a href="{escape(address)}" target="_blank" rel="noopener noreferrer">{escape(site)}'
        f'<span class="unseen"> about {escape(taxon.scientific_name)}, opens another site</span></a>'
        for site, address in reference_links(taxon).items()
        if address.startswith(("https://", "http://"))
    )


def _card(prediction: Prediction) -> str:
    taxon = prediction.taxon
    calibrated = prediction.probability is not None
    share = prediction.probability if prediction.probability is not None else max(prediction.similarity, 0.0)
    what = "probability" if calibrated else "similarity"
    rank = (
        "" if taxon.taxon_rank == "species" else f'<span class="card-rank">{escape(taxon.taxon_rank)}</span>'
    )
    return (
        '<li class="card"><div class="card-head">'
        f'<h3 class="card-name">{_scientific(taxon)}{rank}</h3>'
        f'<span class="card-score"><span class="unseen">{what} </span>{escape(score(prediction))}</span>'
        "</div>"
        f'<p class="card-common">{_common_names(taxon)}</p>'
        f'<div class="bar" aria-hidden="true"><div style="width:{100 * min(share, 1.0):.1f}%"></div></div>'
        f'<div class="card-foot"><span class="card-family">{escape(taxon.family)}</span>'
        f'<span class="card-links">{links(taxon)}</span></div></li>'
    )


def _common_names(taxon: Taxon) -> str:
    """Show the first English names and the first others; a name that several languages share is shown once."""
    names: dict[str, VernacularName] = {}
    for name in taxon.vernacular_names:
        names.setdefault(name.name.casefold(), name)
    english = [v for v in names.values() if v.language == "en"][:_NAMES_SHOWN]
    others = [v for v in names.values() if v.language != "en"][:_NAMES_SHOWN]
    spans = [f"<span>{escape(v.name)}</span>" for v in english]
    spans += [f'<span class="foreign" lang="{escape(v.language)}">{escape(v.name)}</span>' for v in others]
    return '<span class="dot"> · </span>'.join(spans)


def gallery(hits: Sequence[Hit], thumbnails: Iterable[str | None]) -> str:
    """Show found photos, best first.

    Args:
        hits: The photos.
        thumbnails: A data URI for each; `None` for a photo that cannot be read any more.
    """
    figures = []
    for hit, thumbnail in zip(hits, thumbnails, strict=True):
        name = escape(hit.path.name)
        picture = (
            f'<img src="{thumbnail}" alt="{name}" loading="lazy">'
            if thumbnail
            else '<span class="hit-gone">cannot be read any more</span>'
        )
        figures.append(
            f'<figure class="hit" title="{escape(str(hit.path))}">{picture}<figcaption>'
            f'<span class="hit-name">{name}</span>'
            f'<span class="hit-folder">{escape(hit.path.parent.name)}</span>'
            f'<span class="hit-score"><span class="unseen">similarity </span>{hit.similarity:.2f}</span>'
            "</figcaption></figure>"
        )
    return f'<div class="hits">{"".join(figures)}</div>'


def notice(text: str, *, bad: bool = False) -> str:
    """Show a plain sentence."""
    return f'<p class="notice{" notice-bad" if bad else ""}">{escape(text)}</p>' if text else ""


def progress_bar(what: str, done: int, total: int) -> str:
    """Show how far something has come."""
    return (
        f'<p class="notice">{escape(what.capitalize())}: {done:,} of {total:,}</p>'
        f'<div class="bar" aria-hidden="true"><div style="width:{100 * done / max(total, 1):.1f}%"></div></div>'
    )


def about(flora: Flora) -> str:
    """Say what DALIP is, what it can name here, and where its model comes from."""
    encoder = flora.encoder.manifest
    counts = flora.manifest.counts
    families = len({taxon.family for taxon in flora.taxa if taxon.family})
    facts = {
        "Plants it can name": f"{counts.taxa:,}, of {families:,} {'family' if families == 1 else 'families'}",
        "Evidence": f"{counts.texts:,} texts and {counts.photos:,} photos",
        "Probabilities": (
            f"calibrated on {flora.calibration.calibration_photos:,} photos kept aside for it"
            if flora.calibration.temperature is not None
            else "none; this flora has not been calibrated"
        ),
        "Encoder": f"{encoder.name} ({encoder.precision})",
        "Trained on": ", ".join(encoder.trained_on) or "not recorded",
        "Terms of the weights": encoder.terms or "not recorded",
    }
    rows = "".join(f"<div><dt>{escape(k)}</dt><dd>{escape(v)}</dd></div>" for k, v in facts.items())
    return _ABOUT.format(facts=rows, caution=CAUTION)
