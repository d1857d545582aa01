"""Measure names and confident answers by source, rank and number of photos. Run by `trust.py`."""

from collections.abc import Mapping, Sequence

from answers import Answered
from intervals import share_of
from tables import Row

EVIDENCE = {"0, texts only": (0, 0), "1": (1, 1), "2 to 5": (2, 5), "more than 5": (6, 10**9)}
"""Numbers of photos that a flora knows a taxon from."""

RANKS = ("species", "genus", "family", "order")

Groups = Mapping[str, Sequence[Answered]]
"""Answers by the label of their row."""


def accuracy_rows(groups: Groups, first: str = "source") -> list[Row]:
    """Return how often the names are right, for photos of taxa that are in the flora."""
    return [
        {
            first: name,
            "photos": len(found),
            "taxa": len({a.shown.scientific_name for a in found}),
            "top-1": share_of([a.top1 for a in found]),
            "top-5": share_of([a.top5 for a in found]),
            "genus": share_of([a.genus for a in found]),
            "family": share_of([a.family for a in found]),
        }
        for name, every in groups.items()
        if (found := [a for a in every if a.evidence >= 0])
    ]


def evidence_rows(answers: Sequence[Answered]) -> list[Row]:
    """Return the accuracy by the number of photos that the flora knows the right taxon from."""
    groups = {
        name: [a for a in answers if least <= a.evidence <= most] for name, (least, most) in EVIDENCE.items()
    }
    return accuracy_rows(groups, "photos of the right taxon in the flora")


def sure_rows(groups: Groups, first: str = "photos of") -> list[Row]:
    """Return how many answers are confident, and right or wrong at the rank they claim; clustered by taxon."""
    rows: list[Row] = []
    for name, found in groups.items():
        if not found:
            continue
        taxa = [a.shown.scientific_name for a in found]
        rows.append(
            {
                first: name,
                "photos": len(found),
                "taxa": len(set(taxa)),
                "confident and right": share_of([a.sure_and_right for a in found], taxa),
                "confident and wrong": share_of([a.sure_and_wrong for a in found], taxa),
                "not confident": share_of([a.verdict == "unsure" for a in found], taxa),
                "rejected": share_of([a.verdict.startswith("not ") for a in found], taxa),
            }
        )
    return rows


def rank_rows(groups: Groups) -> list[Row]:
    """Return the ranks of confident answers: right and wrong ones, in percent of all photos."""
    rows: list[Row] = []
    for name, found in groups.items():
        row: dict[str, object] = {"photos of": name, "photos": len(found)}
        for rank in RANKS:
            mine = [a for a in found if a.claimed and _rank(a) == rank]
            right, wrong = (sum(hits) / max(len(found), 1) for hits in _judged(mine))
            row[f"{rank}: right / wrong"] = f"{100 * right:.1f} / {100 * wrong:.1f}"
        rows.append(row)
    return rows


def _rank(answer: Answered) -> str:
    """Return the rank of a confident answer; ranks below species count as species."""
    assert answer.claimed
    return answer.claimed.taxon_rank if answer.claimed.taxon_rank in RANKS[1:] else RANKS[0]


def _judged(answers: Sequence[Answered]) -> tuple[list[bool], list[bool]]:
    return [a.sure_and_right for a in answers], [a.sure_and_wrong for a in answers]
