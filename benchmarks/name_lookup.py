"""Measure name lookup in floras of many taxa: in the tables of the catalogue, and among all names in memory.

    python benchmarks/name_lookup.py [--taxa 6250 450000] [--repeats 5] [--work FOLDER]

The floras are known from names alone. The names are made of syllables, twenty species in each genus; every second
species has a synonym, every tenth a common name. The floras are written to disk and loaded again.

- In memory: `Resolver.of` all taxa and higher taxa, and a scan of all names for what a person types.
- Tables: `flora.names` and `flora.name_index`, as the commands and the page use them.
- Ready: the time from a loaded flora to the first resolved name, and the peak memory of a new process that loads the
  flora and resolves one name.

All other times are medians of the next lookups, each of another name.
"""

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from itertools import cycle, product
from pathlib import Path

import numpy as np
from answer_path import made_vectors, write_flora
from rapidfuzz import fuzz, process, utils
from tables import Row, make_table, working_folder

from dalip.datasets.names.resolver import Resolver
from dalip.encoder import Encoder
from dalip.taxonomy import Taxon, VernacularName
from dalip_assets import ENCODER
from dalip_index import Flora, load_flora, restrict

LISTED = 5_000  # names of a list for `--only`
OFFERED = 50
IN_ALL = 21  # names that are looked up for a median

ONE_NAME = """
import sys
from pathlib import Path
from dalip.datasets.names.resolver import Resolver
from dalip_index import load_flora
flora = load_flora(Path(sys.argv[1]))
names = Resolver.of(flora.tree.nodes) if sys.argv[3] == "memory" else flora.names
assert names.resolve(sys.argv[2]).taxon
status = Path("/proc/self/status").read_text()
print(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))
"""


def made_taxa(number: int) -> list[Taxon]:
    """Return taxa with made-up names, in alphabetical order."""
    rng = np.random.default_rng(number)
    words = [
        "".join(some) for some in product(("ca", "do", "li", "mu", "ne", "ri", "so", "ta", "ve"), repeat=5)
    ]
    words = [words[place] for place in rng.permutation(len(words)).tolist()]
    epithets = [f"{word}{ending}" for word in words[:20_000] for ending in ("ensis", "a")]
    taxa = []
    for row in range(number):
        genus, other = f"{words[row // 20]}ia".capitalize(), f"{words[-1 - row // 20]}ia".capitalize()
        epithet = epithets[(row // 20 * 7 + row % 20 * 1_999) % len(epithets)]
        common = () if row % 10 else (VernacularName(f"{words[row % 977]} {words[row % 991]}wort"),)
        synonyms = (f"{other} {epithet}",) if row % 2 else ()
        family = f"{words[row // 1_000]}aceae".capitalize()
        taxa.append(
            Taxon(f"{genus} {epithet}", "species", common, genus, family, "Plantales", synonyms=synonyms)
        )
    return sorted(taxa, key=lambda taxon: taxon.scientific_name)


def memory(flora: Path, name: str, how: str) -> int:
    """Return the peak memory in MB of a new process that resolves a name."""
    command = [sys.executable, "-c", ONE_NAME, str(flora), name, how]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return round(int(done.stdout) / 1024)


def median_ms(run: Callable[[str], object], names: Sequence[str], number: int = IN_ALL) -> float:
    """Return the median time of a lookup, in milliseconds; the first one is not counted."""
    times = []
    for _, name in zip(range(number + 1), cycle(names), strict=False):
        started = time.perf_counter()
        run(name)
        times.append(time.perf_counter() - started)
    return 1000 * statistics.median(times[1:])


def scan(flora: Flora, typed: str) -> list[Taxon]:
    """Find what a person types by reading all names."""
    asked, found, texts = utils.default_process(typed), list[Taxon](), list[tuple[str, Taxon]]()
    for taxon in flora.taxa:
        common = [name.name for name in taxon.vernacular_names]
        texts += [(utils.default_process(n), taxon) for n in (taxon.scientific_name, taxon.family, *common)]
    found = [taxon for text, taxon in texts if f" {asked}" in f" {text}"]
    if not found:
        plain = [text for text, _ in texts]
        near = process.extract(asked, plain, scorer=fuzz.WRatio, limit=OFFERED, score_cutoff=75)
        found = [texts[place][1] for _, _, place in near]
    return sorted(found, key=lambda taxon: taxon.scientific_name)[:OFFERED]


def measure(number: int, repeats: int, work: Path) -> list[Row]:
    """Measure a flora of a number of taxa."""
    path, encoder, taxa = work / f"names-{number}", Encoder.load(ENCODER), made_taxa(number)
    write_flora(path, encoder, made_vectors(number, encoder.width), taxa)
    some = [taxa[row] for row in np.linspace(0, number - 1, LISTED).astype(int).tolist()]
    names = [taxon.scientific_name for taxon in some]
    ready: dict[str, list[float]] = {"memory": [], "tables": []}
    for _ in range(repeats):
        for how, spent in ready.items():
            flora = load_flora(path, encoder)
            started = time.perf_counter()
            resolver = Resolver.of(flora.tree.nodes) if how == "memory" else flora.names
            assert resolver.resolve(names[0]).taxon
            spent.append(1000 * (time.perf_counter() - started))
    held, flora = load_flora(path, encoder), load_flora(path, encoder)
    held.names = Resolver.of(held.tree.nodes)
    # Each list has other names, if the flora has enough, so that no taxon is in memory already.
    step = max(number // LISTED, 1)
    lists = [[t.scientific_name for t in taxa[start % step :: step]] for start in range(repeats + 1)]
    index, families = flora.name_index, [taxon.family for taxon in some]
    synonyms = [name for taxon in some for name in taxon.synonyms]
    common = [name.name for taxon in some for name in taxon.vernacular_names]
    misspelt = [name.replace("ca", "cca", 1) for name in names]

    def row(lookup: str, before: float, after: float) -> Row:
        return {"taxa": number, "lookup": lookup, "in memory": before, "tables": after}

    def compare(lookup: str, some: Sequence[str]) -> Row:
        return row(lookup, median_ms(held.names.resolve, some), median_ms(flora.names.resolve, some))

    def type_in(lookup: str, some: Sequence[str]) -> Row:
        before = median_ms(lambda typed: scan(held, typed), some, repeats)
        return row(lookup, before, median_ms(lambda t: index.beginning(t, OFFERED) or index.similar(t), some))

    def only(lookup: str, some: Sequence[Sequence[str]]) -> Row:
        each = list(map(str, range(len(some))))
        runs = [median_ms(lambda n, f=f: restrict(f, some[int(n)]), each, repeats) for f in (held, flora)]
        return row(lookup, *runs)

    return [
        row("ready, ms", *(statistics.median(spent) for spent in ready.values())),
        row("peak memory, MB", *(memory(path, names[0], how) for how in ready)),
        compare("a scientific name, ms", names),
        compare("a synonym, ms", synonyms),
        compare("a common name, ms", common),
        compare("a misspelt name, ms", misspelt),
        only("--only FAMILY, ms", [[family] for family in families[::10]]),
        only(f"--only LIST of {LISTED:,} names, ms", lists),
        type_in("typed: 1 letter, ms", [name[0] for name in names]),
        type_in("typed: 3 letters, ms", [name[:3] for name in names]),
        type_in("typed: a genus and 3 letters, ms", [name[: name.index(" ") + 4] for name in names]),
        type_in("typed: a misspelt name, ms", misspelt),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--taxa", nargs="+", type=int, default=[6250, 450_000])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--work", type=Path, help="folder for the floras; by default a temporary one")
    arguments = parser.parse_args()
    with working_folder(arguments.work) as work:
        rows = [row for n in arguments.taxa for row in measure(n, arguments.repeats, work)]
    print("\n".join(make_table(rows)))


if __name__ == "__main__":
    main()
