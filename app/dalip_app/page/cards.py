"""Answer cards as HTML; all text from files and users is escaped here."""

import re
from dataclasses import replace
from functools import partial
from html import escape

import numpy as np

from dalip.ranks import RANKS
from dalip.taxonomy import Taxon, VernacularName, reference_links
from dalip_app.messages.cautions import cautions
from dalip_app.messages.language import Language
from dalip_app.messages.words import (
    common_name,
    outside,
    promise,
    regional,
    resemblance,
    score,
    sentence,
)
from dalip_index import Flora, Identification, Prediction

__all__ = [
    "about",
    "answer_cards",
    "awaited",
    "caution",
    "facts_list",
    "links",
    "notice",
    "progress_bar",
]

_UPRIGHT_RANKS = ("order", "family")  # by convention, names above genus rank are not italicised
_NAMES_SHOWN = 3


def caution(say: Language) -> str:
    """Return the safety warning."""
    return f'<p class="caution">{say("caution")}</p>'


def awaited(say: Language) -> str:
    """Return the placeholder shown before the first answer."""
    lead = f'<p class="answer-empty-lead">{say("answer-awaited")}</p>'
    return f'<div class="answer-empty">{lead}<p>{say("answer-advice")}</p></div>'


def _scientific(taxon: Taxon) -> str:
    name = escape(taxon.scientific_name)
    return name if taxon.taxon_rank in _UPRIGHT_RANKS else f'<em class="taxon">{name}</em>'


def _full_name(say: Language, taxon: Taxon) -> str:
    common = common_name(taxon, say.code)
    return f"{_scientific(taxon)} ({escape(common)})" if common else _scientific(taxon)


def answer_cards(answer: Identification, flora: Flora, say: Language, heat: str = "") -> str:
    """Return an answer as HTML: one sentence, then a card per taxon, best first, and what the scores mean.

    Args:
        answer: The answer for one photo.
        flora: The flora that gave it.
        say: The language.
        heat: The heat map as a data URI; empty if there is none.
    """
    name = partial(_full_name, say)
    calibrated = flora.calibration.temperature is not None
    meaning = say(f"answer-{'' if calibrated else 'un'}calibrated-meaning", plants=len(flora.taxa))
    cards = "".join(
        _card(prediction, say, outside(answer, prediction, say)) for prediction in answer.predictions
    )
    promised, alike = promise(answer, name, say), resemblance(answer, name, say)
    changed = regional(_escaped(answer), name, say)
    warned = "".join(f'<p class="caution">{words}</p>' for words in cautions(answer, name, say))
    return (
        f'<div class="answer" data-verdict="{escape(answer.verdict)}">'
        f'<h2 class="answer-sentence">{_keep_together(sentence(answer, name, say))}</h2>'
        + (f'<p class="answer-promise">{_keep_together(promised)}</p>' if promised else "")
        + (f'<p class="answer-promise">{_keep_together(changed)}</p>' if changed else "")
        + warned
        + f'<ol class="cards">{cards}</ol>{_why(answer, say, heat)}'
        + f'<p class="answer-meaning">{alike} {meaning}</p></div>'
    )


def _escaped(answer: Identification) -> Identification:
    """Return an answer with the name of its region as HTML."""
    effect = answer.region
    return replace(answer, region=replace(effect, name=escape(effect.name))) if effect else answer


def _keep_together(text: str) -> str:
    """Prevent line breaks inside a percentage, such as `> 99 %`."""
    return re.sub(r"(?<=[<>]) (?=\d)| (?=%)", "&nbsp;", text)


def _why(answer: Identification, say: Language, heat: str) -> str:
    if not heat:
        return ""
    first, second = (_full_name(say, prediction.taxon) for prediction in answer.predictions[:2])
    return (
        f'<details class="why"><summary>{say("why")}</summary><figure>'
        f'<img src="{heat}" alt="{escape(say("why-picture"))}">'
        f"<figcaption>{say('why-caption', first=first, second=second)}</figcaption></figure></details>"
    )


def links(taxon: Taxon, say: Language) -> str:
    """Return links to pages about a taxon on other websites."""
    return "".join(
        f'<a href="{escape(address)}" target="_blank" rel="noopener noreferrer">{escape(site)}'
        f'<span class="unseen"> {say("answer-link", plant=escape(taxon.scientific_name))}</span></a>'
        for site, address in reference_links(taxon).items()
        if address.startswith(("https://", "http://"))
    )


def _card(prediction: Prediction, say: Language, remark: str) -> str:
    taxon = prediction.taxon
    calibrated = prediction.probability is not None
    share = prediction.probability if prediction.probability is not None else max(prediction.similarity, 0.0)
    what = say("answer-probability" if calibrated else "answer-similarity")
    ranked = escape(say("rank", rank=taxon.taxon_rank))
    rank = "" if taxon.taxon_rank == "species" else f'<span class="card-rank">{ranked}</span>'
    rank += f'<span class="card-rank">{escape(remark)}</span>' if remark else ""
    return (
        '<li class="card"><div class="card-head">'
        f'<h3 class="card-name">{_scientific(taxon)}{rank}</h3>'
        f'<span class="card-score"><span class="unseen">{what} </span>{escape(score(prediction))}</span>'
        "</div>"
        f'<p class="card-common">{_common_names(taxon, say.code)}</p>'
        f'<div class="bar" aria-hidden="true"><div style="width:{100 * min(share, 1.0):.1f}%"></div></div>'
        f'<div class="card-foot"><span class="card-family">{escape(taxon.family)}</span>'
        f'<span class="card-links">{links(taxon, say)}</span></div></li>'
    )


def _common_names(taxon: Taxon, code: str) -> str:
    """Return the first names in the page's language and the first others; shared names appear once."""
    names: dict[str, VernacularName] = {}
    for name in sorted(taxon.vernacular_names, key=lambda v: v.language != code):
        names.setdefault(name.name.casefold(), name)
    own = [v for v in names.values() if v.language == code][:_NAMES_SHOWN]
    others = [v for v in names.values() if v.language != code][:_NAMES_SHOWN]
    spans = [f"<span>{escape(v.name)}</span>" for v in own]
    spans += [f'<span class="foreign" lang="{escape(v.language)}">{escape(v.name)}</span>' for v in others]
    return '<span class="dot"> · </span>'.join(spans)


def notice(text: str, *, bad: bool = False) -> str:
    """Return a plain sentence as a paragraph."""
    return f'<p class="notice{" notice-bad" if bad else ""}">{escape(text)}</p>' if text else ""


def progress_bar(text: str, share: float) -> str:
    """Return a progress bar.

    Args:
        text: Description of the progress.
        share: Finished share of the work, between 0 and 1.
    """
    bar = f'<div class="bar" aria-hidden="true"><div style="width:{100 * share:.1f}%"></div></div>'
    return f'<p class="notice">{escape(text)}</p>{bar}'


def facts_list(facts: dict[str, str]) -> str:
    """Return a list of names and values; empty values are omitted."""
    rows = (f"<div><dt>{escape(k)}</dt><dd>{escape(v)}</dd></div>" for k, v in facts.items() if v)
    return f'<dl class="facts">{"".join(rows)}</dl>'


def about(flora: Flora, say: Language) -> str:
    """Return the About text: what DALIP is, what it can identify, and where its model comes from."""
    encoder = flora.encoder.manifest
    counts = flora.manifest.counts
    above = flora.tree.above_rows[:, RANKS.index("family")]
    families = int((np.bincount(above[above >= 0]) > 0).sum())
    photos = flora.calibration.calibration_photos
    calibrated = flora.calibration.temperature is not None
    facts = {
        say("about-plants"): say("about-plants-of", plants=len(flora.taxa), families=families),
        say("about-evidence"): say("about-evidence-of", texts=counts.texts, photos=counts.photos),
        say("about-probabilities"): say("about-calibrated", photos=photos)
        if calibrated
        else say("about-uncalibrated"),
        say("about-encoder"): f"{encoder.name} ({encoder.precision})",
        say("about-trained-on"): ", ".join(encoder.trained_on) or say("about-not-recorded"),
        say("about-weights"): encoder.terms or say("about-not-recorded"),
    }
    return (
        f'<div class="about"><h2>{say("about-title")}</h2><p>{say("about-how")}</p><p>{say("about-where")}</p>'
        f"{facts_list(facts)}<h3>{say('about-limits-title')}</h3><p>{say('about-limits')}</p>{caution(say)}"
        f"<p>{say('about-terms')}</p></div>"
    )
