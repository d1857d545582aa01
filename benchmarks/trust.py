"""Measure accuracy, calibration, coverage and rejection of a flora: the tables of docs/trust.md.

    python benchmarks/trust.py --data DATA            # DATA: the folder with the shards
    python benchmarks/trust.py --data DATA --write    # writes docs/trust.md, its pictures and evaluation.json

The photos are those of the test split, and sets that are for testing only. The vectors of photos are kept in
build/vectors, so that a second run with the same encoder takes minutes only.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import families
import numpy as np
from accuracy import accuracy_rows, evidence_rows, rank_rows, sure_rows
from answers import Labels, answer_all, labelled, names
from calibrated import Labelled, calibration_rows, draw, unseen_rows
from embedded import GARDEN, NARROW, PLANTS, THINGS, Embedded, embed, read_set
from left_out import leave_one_out
from numpy.typing import NDArray
from rejected import distance_rows, reported, score_rows, verdict_rows
from tables import Row, make_table, on_photos, publish
from taught import Known, taught_rows

from dalip_assets import ENCODER
from dalip_index import Flora, load_flora, restrict
from dalip_index.evaluation.evaluate import is_evidence
from dalip_index.evaluation.trust import expected_calibration_error, reliability

PAGE = Path(__file__).parent.parent / "docs" / "trust.md"
RELIABILITY, FAMILIES = PAGE.with_name("reliability.png"), PAGE.with_name("families.png")
FIGURES = ENCODER.parent / "evaluation.json"
GROUPS = 400


def read_photos(flora: Flora, data: Path, labels: Labels) -> tuple[dict[str, Labelled], dict[str, Labelled]]:
    """Return the photos that a flora was built from and the test photos, by set; some sets are for testing only."""
    evidence, test = {}, {}
    for name in (*PLANTS, *GARDEN):
        photos, shown = labelled(embed(flora.encoder, data, name), labels)
        used = is_evidence(flora, photos.records, shown)
        unused = ~used & np.array([name in GARDEN or r.split == "test" for r in photos.records], bool)
        for chosen, found in ((used, evidence), (unused, test)):
            if chosen.any():
                found[name] = photos.part(chosen), [shown[row] for row in np.flatnonzero(chosen)]
    return evidence, test


def narrow_rows(flora: Flora, data: Path, test: dict[str, Labelled], labels: Labels) -> list[Row]:
    """Return the accuracy for the sets with few taxa if answers are restricted to these taxa."""
    shown = {labels.taxon(r.taxon).scientific_name for n in NARROW for r in read_set(data, n) if r.taxon}
    held = sorted(shown & flora.tree.rows.keys())
    some = restrict(flora, held)
    answers = {f"{n}, `--only` these {len(held)}": answer_all(some, *test[n]) for n in NARROW if n in test}
    return accuracy_rows(answers)


def held_photos(flora: Flora, test: dict[str, Labelled]) -> tuple[Embedded, NDArray[np.intp], list[str]]:
    """Return the test photos of taxa that are in the flora, the rows of their taxa, and the set of each."""
    sets = {name: of for name, of in test.items() if name in PLANTS}
    rows = [flora.tree.rows.get(t.scientific_name, -1) for _, shown in sets.values() for t in shown]
    names = np.array([name for name, (_, shown) in sets.items() for _ in shown])
    every = Embedded(
        tuple(record for photos, _ in sets.values() for record in photos.records),
        np.concatenate([photos.vectors for photos, _ in sets.values()]),
    )
    kept = np.array(rows, np.intp) >= 0
    return every.part(kept), np.array(rows, np.intp)[kept], names[kept].tolist()


def together_rows(
    flora: Flora, photos: Embedded, targets: NDArray[np.intp], sets: Sequence[str]
) -> list[Row]:
    """Measure answers from several photos of one taxon."""
    rows: list[Row] = []
    for source in (name for name in NARROW if name in sets):
        mine = np.flatnonzero(np.array(sets) == source)
        by_taxon = [mine[targets[mine] == row] for row in np.unique(targets[mine])]
        for size in (1, 2, 3, 4):
            random = np.random.default_rng(size)
            enough = [some for some in by_taxon if len(some) >= size]
            if not enough:
                continue
            weights = np.array([len(some) for some in enough]) / sum(map(len, enough))
            drawn = [enough[i] for i in random.choice(len(enough), GROUPS, p=weights)]
            groups = [random.choice(some, size, replace=False) for some in drawn]
            first = [flora.answer("", photos.vectors[group], 1).predictions[0] for group in groups]
            shown = [flora.taxa[targets[group[0]]] for group in groups]
            right = np.array([names(p.taxon, taxon) for p, taxon in zip(first, shown, strict=True)])
            probabilities = np.array([p.probability or 0.0 for p in first])
            rows.append(
                {
                    "source": source,
                    "photos per group": size,
                    "groups": GROUPS,
                    "top-1": 100 * float(right.mean()),
                    "mean probability of the first name": 100 * float(probabilities.mean()),
                    "ECE": 100 * expected_calibration_error(reliability(probabilities, right)),
                }
            )
    return rows


def measure(flora: Flora, data: Path, *, write: bool) -> dict[str, list[Row]]:
    """Return the rows of all tables, by name."""
    labels = Labels(flora, data)
    evidence, test = read_photos(flora, data, labels)
    answers = {name: answer_all(flora, *of) for name, of in test.items()}
    built = [a for name in PLANTS for a in answers.get(name, ())]
    others = [a for name, found in answers.items() if name not in NARROW for a in found]
    photos, targets, sets = held_photos(flora, test)
    things = {name: embed(flora.encoder, data, name) for name in THINGS}
    things = {name: reported(of) if name == "objects" else of for name, of in things.items() if of.records}
    present, absent = leave_one_out(flora, *test["garden"])
    left_out = {"genus in the flora": present, "genus not in the flora": absent, "all": [*present, *absent]}
    known = {name: [a for a in found if a.evidence >= 0] for name, found in answers.items()}
    outside = [a for found in answers.values() for a in found if a.evidence < 0]
    shown = families.families_of(flora, [a for found in answers.values() for a in found])
    if write:
        draw(flora, {name: test[name] for name in PLANTS if name in test}, RELIABILITY)
        families.draw(shown, FAMILIES)
    return {
        "accuracy": accuracy_rows({**answers, "all but garden": built})
        + narrow_rows(flora, data, test, labels),
        "evidence": evidence_rows(others),
        "sure": sure_rows({**known, "all but garden": [a for name in PLANTS for a in known.get(name, ())]}),
        "ranks": rank_rows({**known, **{f"left out, {name}": of for name, of in left_out.items()}}),
        "left-out": sure_rows(left_out, "plants left out"),
        "calibration": calibration_rows({**answers, "all but garden": built}),
        "unseen": unseen_rows(flora, evidence, test),
        "scores": score_rows(flora, photos, targets, things | {"garden, all": test["garden"][0]}),
        "distances": distance_rows(
            flora,
            {name: photos.part(np.array(sets) == name) for name in dict.fromkeys(sets)},
            things,
        ),
        "verdicts": verdict_rows(
            flora,
            {
                **known,
                "plants not in the flora": outside,
                **{f"garden, left out: {name}": of for name, of in left_out.items() if name != "all"},
            },
            things,
        ),
        "best-families": families.family_rows(shown, best=True),
        "worst-families": families.family_rows(shown, best=False),
        "confused": families.confusion_rows([a for a in built if a.evidence >= 0]),
        "together": together_rows(flora, photos, targets, sets),
        "taught": taught_rows(flora, *test["garden"], Known(photos.vectors, targets)),
    }


def main() -> None:
    parser = on_photos(__doc__)
    parser.add_argument("--flora", type=Path)
    parser.add_argument("--encoder", type=Path)
    arguments = parser.parse_args()
    flora = load_flora(arguments.flora, arguments.encoder)
    rows = measure(flora, arguments.data, write=arguments.write)
    tables = {name: make_table(found) for name, found in rows.items() if found}
    publish(tables, PAGE, write=arguments.write)
    if arguments.write:
        text = json.dumps({"taxa": len(flora.taxa)} | rows, ensure_ascii=False, indent=1)
        FIGURES.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
