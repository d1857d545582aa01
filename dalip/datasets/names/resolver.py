"""`Resolver`: find the taxon that a person means, among those of a checklist or a flora, without guessing."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from dalip.datasets.names.checklist import Checklist, Entry
from dalip.datasets.names.known_names import KnownNames, name_keys, plain_common_name
from dalip.datasets.names.resolution import How, Resolution
from dalip.datasets.terms import checked_name
from dalip.errors import DataError
from dalip.scientific_name import NameParts, plain_name, read_name
from dalip.taxonomy import Taxon
from dalip.written_name import WrittenName, read_written_name

if TYPE_CHECKING:
    from dalip.datasets.names.spelling import Match, Speller

__all__ = ["Resolver"]

_CANDIDATES = 5
_GENERA = 5_000  # whose keys are kept in memory
_ABBREVIATED = re.compile(r"([A-Z][a-z]{0,2})\.\s?([a-z-]{3,})\b")
_LOWER_WORDS = re.compile(r"\S+((?:[\s-]+[a-z]+)+)")


class Resolver:
    """Resolves names, as people write them, to the taxa of one list."""

    def __init__(self, names: KnownNames) -> None:
        """Take the names from a checklist or a flora; `Resolver.of` takes them from taxa."""
        self._list = names

    @classmethod
    def of(cls, taxa: Iterable[Taxon]) -> "Resolver":
        """Resolve names to some taxa, such as those of a flora."""
        names: dict[str, list[Entry]] = defaultdict(list)
        synonyms: dict[str, list[tuple[Entry, Taxon]]] = defaultdict(list)
        for line, taxon in enumerate(taxa, 1):
            entry = Entry(line, taxon, taxon.scientific_name_authorship)
            for key in {*name_keys(taxon.scientific_name)} - {""}:
                names[key].append(entry)
            for synonym in taxon.synonyms:
                entry = Entry(line, Taxon(synonym))
                for key in {*name_keys(synonym)} - {""}:
                    synonyms[key].append((entry, taxon))
        return cls(Checklist(Path(), dict(names), dict(synonyms)))

    def resolve(self, given: str) -> Resolution:
        """Resolve a name.

        Returns:
            The taxon; or why there is none, with the candidates. What was written beside the name is in `dropped`.
        """
        try:
            name = checked_name(given)
        except DataError:
            return Resolution(given, "unknown", None, no_name="text")
        written = read_written_name(name)
        if written.absent:
            return Resolution(given, "unknown", None, no_name="absent")
        if written.parts is None:
            return self._without_parts(given, name, written)
        if written.others:
            return self._either(given, written)
        if written.doubt:
            return self._doubtful(given, written, written.parts)
        found = self._meant(given, name, written.parts, written)
        if written.respelt and found.how in ("exact", "synonym"):
            found = replace(found, how="spelling")
        return self._compared(found, written) if written.dropped else found

    def named(self, name: str) -> Taxon | None:
        """Return the taxon with exactly this name, apart from authors, accents and hybrid signs."""
        parts = read_name(name)
        found = self._by_letters(name, parts.key if parts else plain_name(name), parts)
        return found.taxon if found else None

    def _without_parts(self, given: str, name: str, written: WrittenName) -> Resolution:
        formulas = [e.taxon for e in self._list.with_name(plain_name(name)) if e.parts is None]
        if found := _one_of(given, "exact", formulas) or self._common(given, name):
            return found
        short = _ABBREVIATED.match(name)
        if short and (taxa := dict.fromkeys(self._abbreviated(short[1].lower(), short[2]))):
            return Resolution(given, "ambiguous", None, tuple(taxa)[:_CANDIDATES])
        return Resolution(given, "unknown", None, no_name="formula" if written.formula else "text")

    def _either(self, given: str, written: WrittenName) -> Resolution:
        """Resolve a text with several names: ambiguous, unless all are names of one taxon."""
        parts = (written.parts, *written.others)
        each = [self._meant(part.text, part.text, part, WrittenName(part)) for part in parts if part]
        taxa = tuple(dict.fromkeys(t for e in each for t in ((e.taxon,) if e.taxon else e.candidates)))
        if len(taxa) == 1 and all(e.taxon for e in each):
            return replace(each[0], given=given)
        if not taxa:
            return Resolution(given, "unknown", None, no_name="text")
        return Resolution(given, "ambiguous", None, taxa[:_CANDIDATES])

    def _doubtful(self, given: str, written: WrittenName, parts: NameParts) -> Resolution:
        found = self._by_letters(given, parts.key, parts) or self._in_other_words(given, parts.text, parts)
        candidates = () if found is None else (found.taxon,) if found.taxon else found.candidates
        genus = parts.genus
        if len(candidates) == 1 and candidates[0].genus:
            genus = plain_name(candidates[0].genus)
        named = [e.taxon for e in self._list.with_name(genus) if e.taxon.taxon_rank == "genus"]
        at_genus = named[0] if len(set(named)) == 1 and named[0] not in candidates else None
        if not candidates and at_genus is None:
            return Resolution(given, "unknown", None, no_name="" if written.plausible else "text")
        shown = candidates or ((at_genus,) if at_genus else ())
        return Resolution(given, "doubtful", None, shown, (written.doubt, *written.dropped), at_genus)

    def _compared(self, found: Resolution, written: WrittenName) -> Resolution:
        """Compare a resolution with the remarks beside the name: one of them may name the plant, or another one."""
        remarks = {text: read_name(text.strip("()[] ")) for text in written.dropped}
        for text, parts in remarks.items():
            other = self._by_letters("", parts.key, parts) if parts and parts.species else None
            if other is None or other.taxon is None:
                continue
            if found.taxon is None:  # `dog rose (Rosa canina)`
                rest = (found.given.replace(text, " ").strip(" -–—_"),)
                return Resolution(found.given, other.how, other.taxon, dropped=rest)
            if other.taxon not in (found.taxon,) and not other.taxon.contains(found.taxon):
                return Resolution(found.given, "ambiguous", None, (found.taxon, other.taxon))
        return replace(found, dropped=(*found.dropped, *written.dropped))

    def _meant(self, given: str, name: str, parts: NameParts, written: WrittenName) -> Resolution:
        certain = parts.certain or bool(parts.cultivar)
        keys = [parts.key] if written.dropped or written.doubt else [plain_name(name), parts.key]
        for key in dict.fromkeys(keys):
            if found := self._by_letters(given, key, parts):
                # The words after the name may be a cultivar instead of its author.
                if found.taxon is None or certain or key != parts.key or self._knows_author(parts):
                    return found
                if parts.species:
                    return replace(found, how="higher taxon", dropped=(parts.author,))
        if found := self._in_other_words(given, name, parts):
            return found
        return self._misspelt(given, parts, written)

    def _in_other_words(self, given: str, name: str, parts: NameParts) -> Resolution | None:
        """Find a name without its hyphen, hybrid sign or rank, an aggregate by its species, and a common name."""
        if parts.aggregate and (
            found := self._by_letters(given, parts.wider.key if parts.wider else "", parts)
        ):
            return replace(found, dropped=(parts.aggregate,))
        if (words := _LOWER_WORDS.match(name)) and parts.species:
            joined = "".join(words[1].replace("-", " ").split())
            if found := _one_of(given, "exact", self._hyphenated(parts.genus, joined)):
                return found
        if parts.species.startswith("x") and not parts.hybrid:
            hybrid = replace(parts, species=parts.species[1:], hybrid=True)
            entries = [e for e in self._list.with_name(hybrid.key) if e.parts and e.parts.hybrid]
            if found := _one_of(given, "exact", (e.taxon for e in entries)):
                return found
        if parts.infra and not parts.cultivar and (found := self._below_species(given, parts)):
            return found
        wide = self._list.with_name(f"{parts.key} agg.")
        if wide and not parts.cultivar:
            return Resolution(given, "ambiguous", None, tuple(e.taxon for e in wide)[:_CANDIDATES])
        return self._common(given, name)

    def _common(self, given: str, name: str) -> Resolution | None:
        return _one_of(given, "common name", self._list.with_common_name(plain_common_name(name)))

    def _by_letters(self, given: str, key: str, parts: NameParts | None) -> Resolution | None:
        entries = self._list.with_name(key)
        synonyms = self._list.with_synonym(key)
        if parts and parts.author:
            author = _letters(parts.author)
            same = [taxon for other, taxon in synonyms if _letters(other) == author]
            if same and not any(_letters(entry.author) == author for entry in entries):
                return _one_of(given, "synonym", same)
            entries = [e for e in entries if _letters(e.author) == author] or entries
        found = _one_of(given, "exact", (entry.taxon for entry in _of_same_sign(entries, parts)))
        return found or _one_of(given, "synonym", (taxon for _, taxon in synonyms))

    def _knows_author(self, parts: NameParts) -> bool:
        author, key = _letters(parts.author), parts.key
        authors = [entry.author for entry in self._list.with_name(key)]
        authors += [other for other, _ in self._list.with_synonym(key)]
        return any(_letters(other) == author for other in authors)

    def _below_species(self, given: str, parts: NameParts) -> Resolution | None:
        """Find an infraspecific name that is given without its rank; one with another rank is ambiguous."""
        wanted, species = _unmarked(parts), f"{parts.genus} {parts.species} "
        below = self._in_genus(parts.genus, lambda key: key.startswith(species) and parts.infra in key)
        alike = dict.fromkeys(taxon for known, taxon in below if known.infra and _unmarked(known) == wanted)
        if alike and parts.mark:
            return Resolution(given, "ambiguous", None, tuple(alike)[:_CANDIDATES])
        return _one_of(given, "exact", alike)

    def _misspelt(self, given: str, parts: NameParts, written: WrittenName) -> Resolution:
        if not parts.cultivar and written.plausible:
            match = self._speller.closest(parts)
            if match.near or not parts.infra:
                return _spelt(given, match)
        dropped: tuple[str, ...] = ()
        step, wider = parts, parts.wider
        while wider:
            dropped = (*_rest(step, wider), *dropped)
            if found := self._by_letters(given, wider.key, wider):
                return replace(found, how="higher taxon", dropped=dropped) if found.taxon else found
            step, wider = wider, wider.wider
        if not written.plausible:
            return Resolution(given, "unknown", None, no_name="text")
        # The species is misspelt and the rest of the name unknown: accepting it would be two guesses in one.
        return _spelt(given, self._speller.closest(parts.of_species)._replace(clear=False))

    @cached_property
    def _speller(self) -> "Speller":
        from dalip.datasets.names.spelling import Speller  # rapidfuzz slows the start of every command

        return Speller(self._list, self._keys_in)

    def _in_genus(self, genus: str, fits: Callable[[str], bool]) -> Iterator[tuple[NameParts, Taxon]]:
        """Yield the accepted names of a genus whose key fits."""
        for key in filter(fits, self._keys_in(genus)):
            for entry in self._list.with_name(key):
                if parts := entry.parts:
                    yield parts, entry.taxon

    @cached_property
    def _keys_in(self) -> Callable[[str], Sequence[str]]:
        return lru_cache(_GENERA)(self._list.keys_in)

    def _hyphenated(self, genus: str, joined: str) -> Iterator[Taxon]:
        """Yield the taxa whose epithet has hyphens, without which it is this one."""
        for parts, taxon in self._in_genus(genus, lambda key: "-" in key and joined in key.replace("-", "")):
            spelt = "-" in parts.species and parts.species.replace("-", "") == joined
            if spelt and not parts.infra and not parts.cultivar:
                yield taxon

    def _abbreviated(self, start: str, epithet: str) -> Iterator[Taxon]:
        """Yield the species with an epithet, in genera that begin with some letters."""
        genera = (genus for genus in self._list.genera() if genus.startswith(start))
        keys = (f"{genus} {epithet}{wide}" for genus in genera for wide in ("", " agg."))
        found = [
            e for key in keys for e in self._list.with_name(key) if (p := e.parts) and p.species == epithet
        ]
        for entry in sorted(found, key=lambda entry: entry.line):
            if (parts := entry.parts) and not parts.infra and not parts.cultivar:
                yield entry.taxon


def _spelt(given: str, match: "Match") -> Resolution:
    if match.clear:
        return Resolution(given, "spelling", match.taxa[0])
    how: How = "ambiguous" if match.near else "unknown"
    return Resolution(given, how, None, match.taxa[:_CANDIDATES], similar=True)


def _one_of(given: str, how: How, taxa: Iterable[Taxon]) -> Resolution | None:
    found = tuple(dict.fromkeys(taxa))
    if not found:
        return None
    if len(found) == 1:
        return Resolution(given, how, found[0])
    return Resolution(given, "ambiguous", None, found[:_CANDIDATES])


def _rest(parts: NameParts, wider: NameParts) -> tuple[str, ...]:
    """Return what a wider name leaves out, as text."""
    infra = f"{parts.mark} {parts.infra}".strip() if parts.infra != wider.infra else ""
    cultivar = f"'{parts.cultivar}'" if parts.cultivar != wider.cultivar else ""
    aggregate = parts.aggregate if parts.aggregate != wider.aggregate else ""
    return tuple(text for text in (infra, aggregate, cultivar) if text)


def _of_same_sign(entries: Sequence[Entry], parts: NameParts | None) -> Sequence[Entry]:
    """Prefer hybrids for a name with a hybrid sign, and other taxa for a name without one."""
    return [e for e in entries if e.parts and parts and e.parts.hybrid == parts.hybrid] or entries


def _letters(author: str) -> str:
    return "".join(c for c in plain_name(author) if c.isalnum())


def _unmarked(parts: NameParts) -> str:
    return f"{parts.genus} {parts.species} {parts.infra} {parts.cultivar}"
