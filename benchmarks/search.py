"""Compare rules for hiding weak matches of a search: the tables of docs/search.md.

    python benchmarks/search.py --data DATA            # DATA: the folder with the shards
    python benchmarks/search.py --data DATA --write    # writes docs/search.md

Two libraries are built, one from the validation photos (`selection`) of all shards and one from the test photos. Each
is searched for things that are in it, and for things that are not. The threshold of each rule is chosen on the first
library and reported on the second.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tables import on_photos, publish

from dalip.datasets import Record, read_records
from dalip.encoder import Encoder
from dalip.evaluation import OnnxEmbedder
from dalip_assets import ENCODER

PAGE = Path(__file__).parent.parent / "docs" / "search.md"
FEW = 3
"""A result with at most this many photos counts as nearly empty."""
STEPS = 100
"""How many thresholds are tried for a rule."""
FLOORS, PHOTO_FLOORS = [0.40, 0.44, 0.48, 0.52], [0.70, 0.75, 0.80]
"""Minimum similarities tried with the last rule."""

Array = NDArray[np.float32]
Rule = Callable[[Array, Array], Array]
"""Takes similarities of queries to photos and of photos to reference texts; returns scores of queries and photos."""

THINGS = """a person|a crowd of people|a child|a face|hands|a dog|a cat|a horse|a bird|a fish|an insect|a house|a street
a car|a train|a boat|an aeroplane|a bridge|a room|a kitchen|food on a plate|a bottle|a computer|a telephone|a book
text on paper|a toy|clothes|a tool|furniture|the sky|the sea|a beach|a mountain|snow|a river|a field|a forest|a tree
grass|leaves|a flower|a fruit|a mushroom|stones|soil|water|the night|a ball game|a musical instrument"""
REFERENCES = [f"a photo of {thing}" for thing in THINGS.replace("\n", "|").split("|")]

DESCRIPTIONS = {
    "ferns": "Dryopteris arguta|Polystichum munitum|Pteridium aquilinum",
    "fern fronds in a forest": "Dryopteris arguta|Polystichum munitum|Pteridium aquilinum",
    "an orchid": "Cattleya labiata|Paphiopedilum micranthum|Phalaenopsis amabilis",
    "poppies": "Eschscholzia californica|Papaver rhoeas|Romneya coulteri",
    "an iris": "Iris douglasiana|Iris germanica|Iris pseudacorus",
    "violets": "Viola ocellata|Viola sempervirens|Viola tricolor",
    "a thistle": "Cirsium vulgare|Cynara cardunculus|Echinops",
    "an oak tree": "Quercus agrifolia|Notholithocarpus densiflorus",
    "yellow flowers": "Helianthus annuus|Rudbeckia hirta|Tussilago farfara|Taraxacum officinale|Iris pseudacorus"
    "|Ranunculus|Trollius|Genista monspessulana|Oxalis pes-caprae|Viola sempervirens",
    "yellow daisies": "Helianthus annuus|Rudbeckia hirta|Tussilago farfara|Taraxacum officinale",
    "orange flowers": "Eschscholzia californica|Lilium lancifolium|Calendula officinalis",
    "a red flower": "Papaver rhoeas|Lysimachia arvensis|Gloriosa superba",
    "white flowers": "Leucanthemum vulgare|Romneya coulteri|Zantedeschia aethiopica|Anemone nemorosa|Trillium ovatum"
    "|Calochortus albus|Conium maculatum",
    "blue flowers": "Gentiana acaulis|Muscari|Myosotis latifolia|Nigella damascena|Sisyrinchium bellum",
    "a bush with small leaves": "Baccharis pilularis|Vaccinium ovatum|Arctostaphylos crustacea",
}
"""Descriptions that name no taxon of the flora, and taxa that they fit; other plants may also fit and do not count."""

ABSENT = """an aeroplane cockpit|a tax return form|a spreadsheet on a screen|an x-ray of a hand|bathroom tiles
my passport|sushi on a plate|a chess board|the surface of the moon|a wedding cake|an escalator in a shopping mall
a map of Europe|a screenshot of an error message|a receipt from a supermarket|a kitchen sink|a bar code
a thermometer|a page of sheet music|a blood test result|a parking ticket|a washing machine|an empty swimming pool"""


@dataclass(frozen=True)
class Queries:
    """The queries of one kind to a library."""

    vectors: Array
    right: NDArray[np.bool_]
    """Shape (queries, photos)."""
    counted: NDArray[np.bool_]
    """The photos that are in the library for this query."""


@dataclass(frozen=True)
class Outcome:
    """The results of a rule for one kind of query at one threshold, as means over the queries."""

    kept: float
    """Recall: share of the right photos that are shown; NaN if no photo is right."""
    precision: float
    """Precision of the queries that show any photo; NaN if no photo is right."""
    shown: float
    empty: float
    """Share of queries that show nothing."""
    nearly: float
    """Share of queries that show at most a few."""


Scored = dict[str, list[tuple[Array, NDArray[np.bool_]]]]
"""By kind, a pair for each query: the scores of the photos that count, and which of these are right."""


@dataclass(frozen=True)
class Library:
    """The photos of one split, and the queries to them."""

    photos: Array
    queries: dict[str, Queries]

    def scored(self, rule: Rule, references: Array) -> Scored:
        """Score the photos that count for each query."""
        own = self.photos @ references.T
        return {
            kind: [
                (rule(vector[None] @ self.photos[there].T, own[there])[0], right[there])
                for vector, right, there in zip(asked.vectors, asked.right, asked.counted, strict=True)
            ]
            for kind, asked in self.queries.items()
        }


def outcomes(scored: Scored, limit: float) -> dict[str, Outcome]:
    """Return the outcome of a threshold for each kind of query."""
    found = {}
    for kind, rows in scored.items():
        number = np.array([(scores >= limit).sum() for scores, _ in rows])
        right = np.array([((scores >= limit) & fits).sum() for scores, fits in rows])
        fitting = np.array([fits.sum() for _, fits in rows])
        some, present = number > 0, bool(fitting.all())
        found[kind] = Outcome(
            float((right / fitting).mean()) if present else float("nan"),
            float((right[some] / number[some]).mean()) if present and some.any() else float("nan"),
            float(number.mean()),
            float((number == 0).mean()),
            float((number <= FEW).mean()),
        )
    return found


def worth(scored: Scored, limit: float) -> float:
    """Return the value of a threshold, between 0 and 1.

    It averages two means: over the kinds that have right photos, the share of these that is shown; and over the other
    kinds, the share of queries that show nearly nothing.
    """
    found = outcomes(scored, limit).values()
    kept = [outcome.kept for outcome in found if not np.isnan(outcome.kept)]
    nearly = [outcome.nearly for outcome in found if np.isnan(outcome.kept)]
    return float(np.mean(kept) + np.mean(nearly)) / 2


def text_rules(floors: list[float]) -> dict[str, list[tuple[str, Rule]]]:
    """Return the rules for text queries, each with its variants."""

    def softmax(scale: float) -> Rule:
        return lambda s, own: scale * s - np.logaddexp(scale * s, np.log(np.exp(scale * own).sum(axis=1)))

    return {
        "fixed": [("", lambda s, own: s)],
        "minus the photo's mean over the references": [("", lambda s, own: s - own.mean(axis=1))],
        "softmax against the references": [(f"scale {x}", softmax(x)) for x in (10, 20, 50)],
        "deviations above the library's mean": [
            ("", lambda s, own: (s - s.mean(axis=1, keepdims=True)) / s.std(axis=1, keepdims=True))
        ],
        "share of the best": [("", _of_best(0.0))],
        "share of the best, with a minimum": [(f"{floor:.2f}", _of_best(floor)) for floor in floors],
    }


def photo_rules(floors: list[float]) -> dict[str, list[tuple[str, Rule]]]:
    """Return the rules for photo queries, which need no reference texts."""
    return {name: rules for name, rules in text_rules(floors).items() if "references" not in name}


def _of_best(floor: float) -> Rule:
    return lambda s, own: np.where(s >= floor, s / s.max(axis=1, keepdims=True), -1)


def choose(library: Library, rules: list[tuple[str, Rule]], references: Array) -> tuple[str, Rule, float]:
    """Find the variant and the threshold with the highest value."""
    best = (-1.0, "", rules[0][1], 0.0)
    for label, rule in rules:
        scored = library.scored(rule, references)
        every = np.concatenate([scores for rows in scored.values() for scores, _ in rows])
        for limit in np.quantile(every, 1 - np.geomspace(1e-4, 0.3, STEPS)).tolist():
            best = max(best, (worth(scored, limit), label, rule, limit), key=lambda b: b[0])
    return best[1:]


def _named(records: list[Record], name: str) -> NDArray[np.bool_]:
    return np.array([bool(r.taxon) and r.taxon.scientific_name == name for r in records])


def asked_in_words(encoder: Encoder, records: list[Record], others: list[Record]) -> dict[str, Queries]:
    """Return the text queries to a library of some photos."""
    everything = np.ones(len(records), bool)
    nothing = ~everything
    taxa = {r.taxon.scientific_name: r.taxon for r in records if r.taxon}
    held = {name: _named(records, name) for name in taxa}
    genera = {name.split()[0] for name in taxa}
    known = set().union(*(names.split("|") for names in DESCRIPTIONS.values()))
    asked: dict[str, list[tuple[str, NDArray[np.bool_], NDArray[np.bool_]]]] = {
        "common names": [
            (t.vernacular_name, held[n], everything) for n, t in taxa.items() if t.vernacular_name
        ],
        "scientific names": [(n, held[n], everything) for n in taxa],
        "captions": [
            (r.captions[0], np.arange(len(records)) == i, everything)
            for i, r in enumerate(records)
            if "captions" in r.fields
        ],
        "objects": [
            (r.fields["className"], np.arange(len(records)) == i, everything)
            for i, r in enumerate(records)
            if "className" in r.fields
        ],
        "descriptions": [],
        "names of removed plants": [
            (t.vernacular_name, nothing, ~held[n]) for n, t in taxa.items() if t.vernacular_name
        ],
        "names of other plants": [
            (name, nothing, everything)
            for name in sorted(
                {
                    r.taxon.vernacular_name
                    for r in others
                    if r.taxon
                    and r.taxon.vernacular_name
                    and r.taxon.scientific_name.split()[0] not in genera
                }
            )
        ],
        "other objects": [
            (name, nothing, everything)
            for name in sorted(
                {r.fields["className"] for r in others if "className" in r.fields}
                - {r.fields["className"] for r in records if "className" in r.fields}
            )
        ],
        "things in no photo": [(text, nothing, everything) for text in ABSENT.replace("\n", "|").split("|")],
    }
    for text, names in DESCRIPTIONS.items():
        fits = np.any([held[n] for n in names.split("|") if n in held], axis=0)
        plain = np.array([r.taxon is None or r.taxon.scientific_name in known for r in records])
        asked["descriptions"].append((text, fits, plain))
    return {
        kind: Queries(
            encoder.encode_text([q for q, _, _ in rows]),
            *(np.array(x) for x in list(zip(*rows, strict=True))[1:]),
        )
        for kind, rows in asked.items()
    }


def asked_by_photo(vectors: Array, records: list[Record], others: Array, things: Array) -> dict[str, Queries]:
    """Return the photo queries: photos of plants in the library, and photos of things that are not in it."""
    plants = [i for i, r in enumerate(records) if r.taxon]
    fits = np.array([_named(records, records[i].taxon.scientific_name) for i in plants])  # type: ignore[union-attr]
    itself = np.eye(len(records), dtype=bool)[plants]
    some = (fits & ~itself).any(axis=1)
    own = vectors[plants]
    nothing = np.zeros((max(len(own), len(others), len(things)), len(records)), bool)
    return {
        "photos of plants": Queries(own[some], (fits & ~itself)[some], ~itself[some]),
        "photos of removed plants": Queries(own, nothing[: len(own)], ~fits),
        "photos of other plants": Queries(others, nothing[: len(others)], ~nothing[: len(others)]),
        "photos of other things": Queries(things, nothing[: len(things)], ~nothing[: len(things)]),
    }


def read(encoder: Encoder, root: Path) -> dict[str, tuple[list[Record], Array]]:
    """Embed the photos of all shards that were not used for training, grouped for libraries and queries."""
    records = [
        record
        for kind in ("inat", "oxford", "general", "garden")
        for record in read_records(*sorted(root.glob(f"{kind}-*.tar")))
        if record.split in ("selection", "test") or kind == "garden" or "className" in record.fields
    ]
    found = OnnxEmbedder(encoder).embed_photos(records)
    groups: dict[str, list[int]] = {}
    for row, record in enumerate(found.records):
        if record.location.path.name.startswith("garden"):
            groups.setdefault("garden", []).append(row)
            continue
        groups.setdefault(record.split, []).append(row)
    return {name: ([found.records[i] for i in rows], found.vectors[rows]) for name, rows in groups.items()}


def libraries(encoder: Encoder, root: Path) -> dict[str, dict[str, Library]]:
    """Return the libraries of validation and of test photos, with their text and photo queries."""
    groups = read(encoder, root)
    garden, garden_vectors = groups["garden"]
    made: dict[str, dict[str, Library]] = {"words": {}, "photo": {}}
    for split, elsewhere in (("selection", "train"), ("test", "calibration")):
        records, vectors = groups[split]
        others = [*garden, *(r for s in ("train", "calibration") for r in groups[s][0])]
        genera = {r.taxon.scientific_name.split()[0] for r in records if r.taxon}
        foreign = [bool(r.taxon) and r.taxon.scientific_name.split()[0] not in genera for r in garden]
        made["words"][split] = Library(vectors, asked_in_words(encoder, records, others))
        things = groups[elsewhere][1]
        asked = asked_by_photo(vectors, records, garden_vectors[foreign], things)
        made["photo"][split] = Library(vectors, asked)
    return made


def compare(
    made: dict[str, Library], rules: dict[str, list[tuple[str, Rule]]], references: Array
) -> list[list[str]]:
    """Return two tables: the rules by their value, and the best one by kinds of queries, on test photos."""
    lines = ["| rule | variant | limit | score, validation | score, test |", "|---|---|---:|---:|---:|"]
    best = (-1.0, "", {}, 0.0)
    for name, variants in rules.items():
        label, rule, limit = choose(made["selection"], variants, references)
        limit = round(limit, 2)
        chosen, test = (made[split].scored(rule, references) for split in ("selection", "test"))
        value = worth(chosen, limit)
        lines.append(
            f"| {name} | {label} | {limit:.2f} | {100 * value:.1f} | {100 * worth(test, limit):.1f} |"
        )
        best = max(best, (value, name, test, limit), key=lambda found: found[0])
    kinds = [
        f"`{best[1]}`, {best[3]:.2f}, on test photos:",
        "",
        "| kind of query | queries | recall | precision | mean shown | nothing shown | at most three shown |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for kind, outcome in outcomes(best[2], best[3]).items():
        right = ["" if np.isnan(x) else f"{100 * x:.0f}" for x in (outcome.kept, outcome.precision)]
        kinds.append(
            f"| {kind} | {len(best[2][kind])} | {right[0]} | {right[1]} | {outcome.shown:.1f} "
            f"| {100 * outcome.empty:.0f} | {100 * outcome.nearly:.0f} |"
        )
    return [lines, kinds]


def main() -> None:
    parser = on_photos(__doc__)
    parser.add_argument("--encoder", type=Path)
    arguments = parser.parse_args()
    encoder = Encoder.load(arguments.encoder or ENCODER)
    references = encoder.encode_text(REFERENCES)
    made = libraries(encoder, arguments.data)
    tables = {
        f"{asked} {what}": lines
        for asked, rules in (("words", text_rules(FLOORS)), ("photo", photo_rules(PHOTO_FLOORS)))
        for what, lines in zip(("rules", "kinds"), compare(made[asked], rules, references), strict=True)
    }
    publish(tables, PAGE, write=arguments.write)


if __name__ == "__main__":
    main()
