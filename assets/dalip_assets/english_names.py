"""Clean English names of plants from photo records and encyclopedias: `EnglishNames`, used by `make_taxa.py`."""

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable
from itertools import pairwise

__all__ = ["EnglishNames"]

MOST_NAMES = 6
_PLAIN = str.maketrans("‘’ʼ`´‐‑–", "'''''---")
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")
_PARENTHESIS = re.compile(r"\([^()]*\)?|\)")
_SEVERAL = re.compile(r"[,;]|\bor\b")
_LINKING = re.compile(r"^(?:and|or|the|an?|also)\s+|\s+(?:and|or)$")
_NOT_IN_NAMES = re.compile(
    r"[\d:=/\[\]*×]|\b(?:subsp|ssp|sp|spp|var|syn|cv|f)\b|\b(?:genus|species|cultivars?|family|Group)\b|eae\b"
    r"|\s'[A-Z]|^(?:The|[Uu]ses?|[Hh]abitat|[Ss]tems?|[Ll]eaves|[Ff]lowers|[Rr]oots|[Dd]escription|[Dd]istribution|[Ee]cology)\b"
)
_ABBREVIATION = re.compile(r"\b(?:St|Mt|Mrs|Dr)\.")
_ADJECTIVES = (
    "african american arctic asian big black blue common cream creeping desert dwarf eastern english european false "
    "garden giant golden gray great green grey hairy indian japanese large little marsh mountain narrow native "
    "northern purple red scrub small southern spotted swamp sweet tall true western white wild yellow evergreen"
)
"""Words that name no plant, alone or with each other."""
_NOUNS = "bay bog bush flower fruit grass herb mid pink plant prairie sea shrub tree vine water weed"
"""Words that name no plant alone."""
_LONGEST = 6  # words
_SEEN = 3  # times that a word must occur before its usual spelling is trusted
_MOSTLY = 0.85  # share of one spelling that makes it the usual one
_PLACE = 10  # times that a word has a capital if it is a place or a person, even if a genus has the same name


class EnglishNames:
    """Cleans English names, with what the names of many plants tell about the spelling of their words."""

    def __init__(self, names: Iterable[str], scientific_names: Collection[str]) -> None:
        """Learn which words have a capital, such as `California`, and which are English.

        Args:
            names: Common names of many plants, most of them with capitals where English has them.
            scientific_names: All known scientific names. One of them, or a genus with a word that ends no English
                name, is not a common name.
        """
        self._scientific = {name.lower() for name in scientific_names}
        self._genera = {
            name.split(" ")[0].strip("[]'").lower() for name in scientific_names if name[:1].isupper()
        }
        self._vague, self._nouns = frozenset(_ADJECTIVES.split()), frozenset(_NOUNS.split())
        self._capital: Counter[str] = Counter()
        self._lower: Counter[str] = Counter()
        self._pairs: Counter[tuple[str, str]] = Counter()
        self._last: set[str] = set()
        for name in names:
            words = _words(name)
            if len(words) > 1 and not _is_title(name):
                for word in words:
                    (self._capital if word[0].isupper() else self._lower)[word.lower()] += 1
                self._pairs.update((a, b) for a, b in pairwise(words) if a[0].isupper() and b[0].isupper())
                if words[0].lower() not in self._genera:
                    self._last.add(words[-1].lower())

    def clean(self, names: Iterable[str], scientific_name: str = "") -> list[str]:
        """Filter common names: one spelling of each, at most six.

        Args:
            names: Names as in the sources, the preferred one first.
            scientific_name: Scientific name of the taxon. For a species, it is removed from the names.

        Returns:
            The names in their original order, without scientific names, remarks, names in other scripts and words that
            name no plant. Spellings that differ in case, spaces, hyphens or a plural count as one name.
        """
        chosen: dict[str, str] = {}
        for given in names:
            for name in self._parts(given, scientific_name.partition(" ")[2]):
                key = re.sub(r"[^\w]", "", name).lower()
                if " " in scientific_name and name.lower() == scientific_name.lower():
                    continue
                # A genus may be listed in the singular and in the plural, which count as one name.
                if not {key, key.removesuffix("s"), key + "s"} & chosen.keys():
                    chosen[key] = name
        return list(chosen.values())[:MOST_NAMES]

    def _parts(self, given: str, epithet: str) -> Iterable[str]:
        """Yield the names in a text that may hold several, or a remark in parentheses."""
        text = unicodedata.normalize("NFC", given).translate(_PLAIN).replace('"', "")
        whole = _PARENTHESIS.sub(" ", text).strip(" ,.;'")
        for part in _SEVERAL.split(whole):
            name = _LINKING.sub("", _LINKING.sub("", " ".join(part.split()))).strip(" ,.;-'")
            # Of a list, single words are mostly the beginnings of names: `white or California false hellebore`.
            if name and (name == whole or " " in name) and self._is_name(name, epithet):
                yield self._with_usual_capitals(name)

    def _is_name(self, name: str, epithet: str) -> bool:
        words = _words(name)
        if not words or len(words) > _LONGEST or len(name) < 3 or _NOT_IN_NAMES.search(name):
            return False
        if "." in _ABBREVIATION.sub("", name) or not all(map(_is_latin, name)):
            return False
        lower = [word.lower() for word in words]
        if self._vague.issuperset(lower) or (len(words) == 1 and lower[0] in self._nouns):
            return False
        if " " in name and name.lower() in self._scientific:
            return False
        # A scientific name that no list has, such as a misspelt one. `California` is a genus, too.
        if len(words) != 2 or " " not in name or words[1][0].isupper() or self._capital[lower[0]] >= _PLACE:
            return True
        if lower[1] == epithet and words[0][0].isupper():
            return False
        return lower[0] not in self._genera or lower[1] in self._last

    def _with_usual_capitals(self, name: str) -> str:
        """Spell words with or without a capital as most names do, if the source writes all or no words with one."""
        words = _words(name)
        title = _is_title(name)
        if not title and any(word[0].isupper() for word in words[1:]):
            return name
        kept = {word for pair in pairwise(words) if self._pairs[pair] >= _SEEN for word in pair}
        return _WORD.sub(lambda found: found[0] if found[0] in kept else self._usual(found[0], title), name)

    def _usual(self, word: str, title: bool) -> str:
        key = word.lower()
        seen, capital = self._capital[key] + self._lower[key], self._capital[key]
        if word[0].islower():
            return key[0].upper() + key[1:] if seen > _SEEN and capital >= _MOSTLY * seen else word
        if title:
            return word if capital > seen / 2 or (not seen and key.endswith("'s")) else key
        return key if seen >= _SEEN and capital <= (1 - _MOSTLY) * seen else word


def _words(name: str) -> list[str]:
    return _WORD.findall(name)


def _is_title(name: str) -> bool:
    """Return whether all words have a capital, apart from short ones: `Queen of the Prairie`."""
    words = name.split()
    return all(word[0].isupper() for word in words if len(word) > 3 or len(words) == 1)


def _is_latin(letter: str) -> bool:
    return not letter.isalpha() or letter == "ʻ" or unicodedata.name(letter, "").startswith("LATIN ")
