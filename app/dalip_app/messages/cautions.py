"""Wording of cautions: which plants an answer could be, and how they harm people or animals."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

from dalip.ranks import RANKS
from dalip.taxonomy import Taxon
from dalip_app.messages.language import Language, language
from dalip_app.messages.words import best_name
from dalip_index.flora.answer import LONGEST_SET, Identification
from dalip_index.flora.hazards import HARMS, Hazard, confusions_of, hazard_of, hazards_in

__all__ = ["cautions", "known_harm"]

_SENTENCES = 6  # further harmful plants are only named
_EXAMPLES = 6

_KEYS = {"deadly": "deadly", "poisonous": "poisonous", "harms the skin": "skin"}  # of the catalogues

NameOf = Callable[[Taxon], str]


@dataclass(frozen=True, slots=True)
class _Caution:
    """What one sentence says."""

    key: str
    """Which sentence: `first`, `likely`, `alike`, `confused` or `inside`."""
    taxon: Taxon
    """The plant that the answer names."""
    hazards: tuple[Hazard, ...]
    """What is listed for it; several, with the same harm, if it contains or may contain them."""

    @property
    def harm(self) -> str:
        return self.hazards[0].harm

    def names(self, name: NameOf) -> list[str]:
        """Return the names of the harmful plants."""
        if self.key in ("confused", "inside"):
            return [name(hazard.taxon) for hazard in self.hazards]
        return [name(self.taxon)]

    def sentence(self, name: NameOf, say: Language) -> str:
        harm, names = _KEYS[self.harm], self.names(name)
        plants, number = ", ".join(names), len(names)
        if self.key == "confused":
            return say("caution-confused", plant=name(self.taxon), plants=plants, number=number, harm=harm)
        if self.key == "inside":
            above = self.taxon
            if RANKS.index(above.taxon_rank) > RANKS.index("genus"):
                above = Taxon(self.hazards[0].taxon.genus, "genus")
            return say("caution-inside", rank=above.taxon_rank, above=name(above), plants=plants, harm=harm)
        return say(f"caution-{self.key}", plant=plants, harm=harm, how=self.hazards[0].how_in(say.code))


def cautions(answer: Identification, name: NameOf = best_name, say: Language | None = None) -> list[str]:
    """Return cautions about harmful plants that the photo may show.

    They cover the answer and, for a genus, family or order, what is in it; other likely names, also in the prediction
    set; look-alikes in photos; deadly relatives in the genus; and plants that people have taken for one of the likely
    ones. Each listed plant is mentioned once.

    Args:
        answer: The answer for one photo.
        name: Formats the name of a taxon.
        say: The language; English by default.

    Returns:
        Sentences: about the answer first, then the deadliest. An empty list does not mean that the plant is harmless.
    """
    answered = _answered(answer)
    found = _without_repetition(_found(answer, answered))
    if not found:
        return []  # the catalogue need not be read
    say = say or language()
    ordered = sorted(found, key=lambda one: 0 if one.taxon in answered else 1 + HARMS.index(one.harm))
    said = [one.sentence(name, say) for one in ordered[:_SENTENCES]]
    more = dict.fromkeys(plant for one in ordered[_SENTENCES:] for plant in one.names(name))
    return said + ([say("caution-more", plants=", ".join(more))] if more else [])


def known_harm(taxon: Taxon, name: NameOf = best_name, say: Language | None = None) -> str:
    """Return in which way a taxon, or what is in it, is known to do harm, with the source; otherwise, an empty string.

    Args:
        taxon: The taxon.
        name: Formats the name of a taxon.
        say: The language; English by default.
    """
    say = say or language()
    if hazard := hazard_of(taxon):
        harm, how = _KEYS[hazard.harm], hazard.how_in(say.code)
        return say("flora-harm-known", harm=harm, how=how, source=hazard.source)
    inside = hazards_in(taxon)[:_EXAMPLES]
    return _Caution("inside", taxon, inside).sentence(name, say) if inside else ""


def _answered(answer: Identification) -> list[Taxon]:
    """Return what the first sentence of an answer names: the first name, and the confident answer above it."""
    if answer.verdict == "not a plant" or not answer.predictions:
        return []
    best = answer.predictions[0].taxon
    return [best] if answer.taxon is None or answer.taxon == best else [best, answer.taxon]


def _found(answer: Identification, answered: list[Taxon]) -> Iterator[_Caution]:
    """Find everything that is listed for an answer; what comes first is said."""
    if not answered:
        return
    likely = [prediction.taxon for prediction in answer.likely if prediction.taxon != answered[0]]
    small_set = answer.taxon_set if len(answer.taxon_set) <= LONGEST_SET else ()
    in_set = [prediction.taxon for prediction in small_set]
    for taxon in answered:
        yield from _about("first", taxon, [hazard_of(taxon)])
    for taxon in (*likely, *in_set):
        yield from _about("likely", taxon, [hazard_of(taxon)])
    for taxon in answer.look_alikes:
        yield from _about("alike", taxon, [hazard_of(taxon)])
    # A genus or family in the set stands for species that would be named in a longer one.
    groups = (taxon for taxon in in_set if taxon.taxon_rank in ("genus", "family", "order"))
    named = (*answered, *likely, *groups)
    wide = [taxon for taxon in named if taxon.taxon_rank in ("family", "order")]
    for taxon in wide:
        yield from _about("inside", taxon, hazards_in(taxon))
    for taxon in named:
        for _, others in groupby(confusions_of(taxon), attrgetter("harm")):
            yield from _about("confused", taxon, others)
    for taxon in named:
        if taxon not in wide:
            yield from _about("inside", taxon, hazards_in(taxon))


def _about(key: str, taxon: Taxon, hazards: Iterable[Hazard | None]) -> Iterator[_Caution]:
    if listed := tuple(hazard for hazard in hazards if hazard):
        yield _Caution(key, taxon, listed)


def _without_repetition(found: Iterable[_Caution]) -> list[_Caution]:
    """Leave out what an earlier caution says about a listed plant."""
    said = set[str]()
    kept: list[_Caution] = []
    for one in found:
        fresh = tuple(h for h in one.hazards if h.taxon.scientific_name not in said)[:_EXAMPLES]
        said |= {hazard.taxon.scientific_name for hazard in fresh}
        if fresh:
            kept.append(_Caution(one.key, one.taxon, fresh))
    return kept
