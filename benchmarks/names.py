"""Measure fuzzy matching of misspelt names in a checklist: the tables of docs/packing.md.

    python benchmarks/names.py --checklist checklist.tsv.gz            # species names, e.g. ../shared/data
    python benchmarks/names.py --checklist checklist.tsv.gz --write    # writes docs/packing.md

The script draws names from the checklist and misspells them. It first removes other names from the checklist, because a
name that is not in it must not be found. The rules are compared on names in the validation split (`selection`). The
chosen rule is reported on names in the calibration split, which were not used before.
"""

import argparse
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tables import publish

from dalip.datasets import Report, split_of
from dalip.datasets.names.checklist import Checklist, Entry, read_checklist
from dalip.datasets.names.resolve import resolve_names
from dalip.datasets.names.spelling import Cutoffs, Speller
from dalip.scientific_name import read_name

PAGE = Path(__file__).parent.parent / "docs" / "packing.md"
CHOSEN = Cutoffs()
RULES = [
    Cutoffs(one=4, two=8, ahead=1),
    Cutoffs(one=5, two=10, ahead=1),
    Cutoffs(one=5, two=10),
    Cutoffs(one=6, two=10),
    Cutoffs(one=6, two=12),
    Cutoffs(one=6, two=14),
    Cutoffs(one=6, two=99),
    Cutoffs(one=7, two=12),
    Cutoffs(one=7, two=14),
    Cutoffs(one=8, two=14),
]
LIKE = {
    "a": "eo",
    "e": "ai",
    "i": "ey",
    "o": "ua",
    "u": "o",
    "y": "i",
    "c": "ks",
    "k": "c",
    "m": "n",
    "n": "m",
}
ENDINGS = {"a": "us", "us": "a", "um": "us", "is": "e", "e": "is", "ii": "i", "i": "ii"}
LACKED = 10
"""One in this many names is removed from the checklist."""


def misspell(name: str, chance: random.Random, errors: int = 1) -> str:
    """Drop, double, swap or replace letters of a name, often by a similar one; never its first letter."""
    for _ in range(errors):
        place = chance.choice([i for i in range(1, len(name) - 1) if name[i].isalpha()])
        letter = name[place]
        kind = chance.choice(("drop", "double", "swap", "replace", "replace"))
        other = chance.choice(LIKE.get(letter, "abcdefghijklmnopqrstuvwxyz"))
        after = name[place + 1] if name[place + 1].isalpha() else letter
        put = {"drop": "", "double": letter * 2, "swap": after + letter, "replace": other}[kind]
        taken = 2 if kind == "swap" and name[place + 1].isalpha() else 1
        name = name[:place] + put + name[place + taken :]
    return name


def other_ending(name: str, chance: random.Random) -> str:
    """Return a name with the ending of another gender or case; without such an ending, with an error."""
    ending = next((e for e in sorted(ENDINGS, key=len, reverse=True) if name.endswith(e)), "")
    return name.removesuffix(ending) + ENDINGS[ending] if ending else misspell(name, chance)


def written_otherwise(name: str, chance: random.Random) -> str:
    """Return a name in another correct spelling: case, spaces, author or hybrid sign."""
    genus, _, rest = name.partition(" ")
    ways = (name.upper(), name.lower(), f"{name} L.", f"{name} (Mill.) Hook. f. ex DC.", f"{genus}_{rest}")
    return chance.choice((*ways, f"{genus}  {rest.title()}", f"{genus} × {rest}"))


KINDS: dict[str, tuple[bool, Callable[[str, random.Random], str]]] = {
    "written differently": (False, written_otherwise),
    "one error": (False, misspell),
    "two errors": (False, lambda name, chance: misspell(name, chance, 2)),
    "different ending": (False, other_ending),
    "not in the checklist": (True, lambda name, chance: name),
    "not in the checklist, one error": (True, misspell),
}
"""Whether the name is missing from the checklist, and the function that writes it."""


def names_of(checklist: Checklist, split: str) -> list[str]:
    """Return the species in a split whose names have two words."""
    found = {
        entry.taxon.scientific_name
        for entries in checklist.names.values()
        for entry in entries
        if entry.parts and entry.parts.species and not entry.parts.infra and not entry.parts.hybrid
    }
    return sorted(name for name in found if split_of(name) == split)


def without(checklist: Checklist, lacked: set[str]) -> Checklist:
    def left(entries: list[Entry]) -> list[Entry]:
        return [entry for entry in entries if entry.taxon.scientific_name not in lacked]

    names = {key: kept for key, entries in checklist.names.items() if (kept := left(entries))}
    return replace(checklist, names=names)


def queries(names: list[str], lacked: list[str], count: int) -> dict[str, list[tuple[str, str]]]:
    """Return for each kind pairs of the query and the intended name; the same at every call."""
    chance = random.Random(0)
    drawn = {}
    for kind, (absent, write) in KINDS.items():
        asked = chance.sample(lacked if absent else names, count)
        drawn[kind] = [(write(name, chance), name) for name in asked]
    return drawn


def shares(outcomes: Counter[str]) -> str:
    total = outcomes.total()
    return " | ".join(f"{100 * outcomes[o] / total:.2f}" for o in ("right", "wrong", "ambiguous", "unknown"))


def ask(
    checklist: Checklist, reduced: Checklist, asked: dict[str, list[tuple[str, str]]]
) -> dict[str, Counter[str]]:
    """Resolve all queries and count the outcomes."""
    outcomes: dict[str, Counter[str]] = {}
    for kind, pairs in asked.items():
        found = resolve_names([given for given, _ in pairs], reduced if KINDS[kind][0] else checklist)
        outcomes[kind] = Counter()
        for given, meant in pairs:
            taxon, how = found[given].taxon, found[given].how
            right = taxon is not None and taxon.scientific_name == meant
            outcomes[kind]["right" if right else "wrong" if taxon else how] += 1
    return outcomes


def compare(checklist: Checklist, reduced: Checklist, asked: dict[str, list[tuple[str, str]]]) -> list[str]:
    """Compare the rules for misspellings, by the shares of right and wrong matches of each kind."""
    kinds = [kind for kind in KINDS if kind != "written differently"]
    lines = [f"| rule | {' | '.join(kinds)} |", "|---" * (len(kinds) + 1) + "|"]
    outcomes: dict[Cutoffs, list[str]] = {rule: [] for rule in RULES}
    for kind in kinds:
        absent = KINDS[kind][0]
        listed = reduced if absent else checklist
        speller = Speller(listed)
        searched = [
            (meant, parts, listed.names.get(parts.key), speller.search(parts))
            for given, meant in asked[kind]
            if (parts := read_name(given))
        ]
        for rule in RULES:
            right = wrong = 0
            for meant, parts, same, near in searched:
                match = rule.judge(parts, near)
                taxon = same[0].taxon if same else match.taxa[0] if match.clear else None
                right += taxon is not None and taxon.scientific_name == meant
                wrong += taxon is not None and taxon.scientific_name != meant
            share = 100 / len(searched)
            cell = f"{share * wrong:.2f}" if absent else f"{share * right:.1f} / {share * wrong:.2f}"
            outcomes[rule].append(cell)
    for rule, cells in outcomes.items():
        two = f", two from {rule.two}" if rule.two < 99 else ""
        name = f"one error from {rule.one} letters{two}; others at least {rule.ahead} more"
        lines.append(f"| {f'**{name}**' if rule == CHOSEN else name} | {' | '.join(cells)} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--checklist", required=True, type=Path)
    parser.add_argument("--count", type=int, default=1800, help="names of each kind")
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    checklist = read_checklist(arguments.checklist, Report(lambda row: None))
    tables = {}
    for split in ("selection", "calibration"):
        names = names_of(checklist, split)
        lacked = names[::LACKED]
        reduced = without(checklist, set(lacked))
        asked = queries(names, lacked, min(arguments.count, len(lacked)))
        if split == "selection":
            tables["name rules"] = compare(checklist, reduced, asked)
        else:
            rows = ["| names | number | right | wrong | ambiguous | unknown |", "|---|---|---|---|---|---|"]
            for kind, outcomes in ask(checklist, reduced, asked).items():
                rows.append(f"| {kind} | {outcomes.total()} | {shares(outcomes)} |")
            tables["names"] = rows
    publish(tables, PAGE, write=arguments.write)


if __name__ == "__main__":
    main()
