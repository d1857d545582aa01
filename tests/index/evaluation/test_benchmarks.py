"""The benchmarks of a flora: what their tables count, and a flora without one of its taxa."""

import gzip
import io
import json
import tarfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from accuracy import accuracy_rows, evidence_rows, rank_rows, sure_rows
from answers import Answered, Labels, agree, answer_all, labelled, without
from calibrated import calibration_rows, relearned
from embedded import Embedded, embed
from intervals import clustered, share_of, wilson
from left_out import leave_one_out
from rejected import score_rows, verdict_rows
from tables import make_table
from taught import Known, taught_rows

from dalip.datasets import Record
from dalip.encoder import Encoder
from dalip.evaluation import OnnxEmbedder
from dalip.taxonomy import Taxon
from dalip_index import Flora, build_flora, load_flora
from tests.index.dense import dense_vectors

OAK = Taxon("Quercus robur", "species", genus="Quercus", family="Fagaceae", order="Fagales")
HOLM = Taxon("Quercus ilex", "species", genus="Quercus", family="Fagaceae", order="Fagales")
BEECH = Taxon("Fagus sylvatica", "species", genus="Fagus", family="Fagaceae", order="Fagales")
OAKS = Taxon("Quercus", "genus", family="Fagaceae", order="Fagales")
BEECHES = Taxon("Fagaceae", "family", order="Fagales")


def answered(shown: Taxon, first: Taxon, claimed: Taxon | None = None, evidence: int = 1) -> Answered:
    right = first == shown
    same = first.genus == shown.genus
    verdict = "sure" if claimed else "unsure"
    return Answered(shown, first, 0.9, right, right, same, True, verdict, claimed, right, 2, evidence, right)


@pytest.fixture(scope="module")
def flora(flora_path: Path, encoder: Encoder) -> Flora:
    return load_flora(flora_path, encoder)


@pytest.fixture(scope="module")
def embedded(encoder: Encoder, records: Sequence[Record]) -> Embedded:
    found = OnnxEmbedder(encoder, appearance=True).embed_photos(records)
    return Embedded(found.records, found.vectors)


@pytest.fixture(scope="module")
def tested(embedded: Embedded) -> Embedded:
    return embedded.of_split("test")


@pytest.mark.parametrize(
    ("named", "shown", "right"),
    [
        (OAK, OAK, True),
        (OAKS, OAK, True),
        (BEECHES, OAK, True),
        (OAK, OAKS, True),  # the label does not say which oak
        (HOLM, OAK, False),
        (OAKS, BEECH, False),
        (BEECH, OAKS, False),
    ],
)
def test_an_answer_is_judged_at_the_rank_it_claims(named: Taxon, shown: Taxon, right: bool) -> None:
    assert agree(named, shown) is right


def test_labels_are_resolved_through_synonyms_and_genera(flora: Flora, tmp_path: Path) -> None:
    lines = "synonym\tacceptedName\tbasis\nRosa rubra\tRosa red\ttest\nRosa blue\tRosa caerulea\ttest\n"
    (tmp_path / "synonyms.tsv.gz").write_bytes(gzip.compress(lines.encode()))
    labels = Labels(flora, tmp_path)
    red, blue = (flora.taxa[flora.tree.rows[name]] for name in ("Rosa red", "Rosa blue"))
    assert labels.taxon(Taxon("Rosa rubra", genus="Rosa")) == red
    assert labels.taxon(Taxon("Rosa caerulea", genus="Rosa")) == blue
    other = labels.taxon(Taxon("Rosa canina", genus="Rosa", family="Wrong"))
    assert (other.scientific_name, other.family, other.order) == ("Rosa canina", "Rosaceae", "Rosales")
    assert labels.taxon(OAK) == OAK


def test_a_flora_without_a_taxon_is_one_that_was_built_without_it(
    flora: Flora, encoder: Encoder, records: Sequence[Record], tmp_path: Path
) -> None:
    missing = flora.taxa[3]
    rest = [taxon for taxon in flora.taxa if taxon != missing]
    kept = [r for r in records if r.taxon and r.taxon.scientific_name != missing.scientific_name]
    build_flora(tmp_path / "rest", encoder, rest, kept, keep=0)
    built = load_flora(tmp_path / "rest", encoder)
    made = without(flora, [missing])
    assert [t.scientific_name for t in made.taxa] == [t.scientific_name for t in built.taxa]
    weight = flora.calibration.text_weight
    assert dense_vectors(made.prototypes, weight) == pytest.approx(
        dense_vectors(built.prototypes, weight), abs=1e-6
    )
    assert made.calibration == flora.calibration


def test_plants_that_are_left_out_are_never_named(flora: Flora, tested: Embedded, tmp_path: Path) -> None:
    some, shown = labelled(tested, Labels(flora, tmp_path))
    present, absent = leave_one_out(flora, some, shown)
    assert len(present) == len(shown) > 5
    assert absent == []
    for answer in present:
        assert answer.first != answer.shown
        assert answer.evidence == -1
        assert not answer.top1
    whole = answer_all(flora, some, shown)
    assert np.mean([a.top1 for a in whole]) > 0.8
    assert all(a.genus and a.family for a in whole)


def test_accuracy_is_counted_by_source_evidence_and_rank() -> None:
    every = [
        answered(OAK, OAK, OAK, 0),
        answered(OAK, HOLM, OAKS, 1),
        answered(OAK, BEECH, BEECH, 3),
        answered(OAK, BEECH, None, -1),
    ]
    (row,) = accuracy_rows({"forest": every, "desert": []})
    assert (row["source"], row["photos"], row["taxa"]) == ("forest", 3, 1)
    assert row["top-1"] == pytest.approx((1 / 3, *wilson(1, 3)))
    assert row["genus"] == pytest.approx((2 / 3, *wilson(2, 3)))
    assert [r["photos"] for r in evidence_rows(every)] == [1, 1, 1]
    (sure,) = sure_rows({"forest": every})
    shares = {name: value[0] for name, value in sure.items() if isinstance(value, tuple)}
    assert shares == {
        "confident and right": 0.5,
        "confident and wrong": 0.25,
        "not confident": 0.25,
        "rejected": 0.0,
    }
    (ranks,) = rank_rows({"forest": every})
    assert ranks["species: right / wrong"] == "25.0 / 25.0"
    assert ranks["genus: right / wrong"] == "25.0 / 0.0"


def test_intervals_are_those_of_the_literature_and_wider_for_photos_of_few_taxa() -> None:
    # Newcombe, "Two-sided confidence intervals for the single proportion", 1998, table I: 81 of 263, 0 of 20.
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert wilson(0, 20) == pytest.approx((0, 0.1611), abs=1e-4)
    hits, taxa = np.repeat([1, 0, 0, 1], 25), np.repeat(["a", "b", "c", "d"], 25)
    low, high = clustered(hits, taxa)
    plain = wilson(50, 100)
    assert low < plain[0] < 0.5 < plain[1] < high
    assert clustered(np.zeros(100), taxa) == wilson(0, 4)
    assert share_of([]) is None


def test_calibration_is_measured_and_can_leave_a_source_out(
    flora: Flora, embedded: Embedded, tmp_path: Path
) -> None:
    labels = Labels(flora, tmp_path)
    measured = labelled(embedded.of_split("test"), labels)
    used = np.array([record.split != "test" for record in embedded.records], bool)
    evidence = {"roses": labelled(embedded.part(used), labels)}
    again = relearned(flora, evidence, unseen="tulips")
    assert again.calibration.temperature == pytest.approx(flora.calibration.temperature, rel=0.05)
    assert again.calibration.calibration_photos == flora.calibration.calibration_photos
    assert relearned(flora, evidence, unseen="roses").calibration.calibration_photos == 0
    (row,) = calibration_rows({"roses": answer_all(again, *measured)})
    assert row["photos"] == len(measured[1])
    assert 0 <= row["ECE"] <= 100  # type: ignore[operator]


def test_verdicts_and_scores_have_a_column_for_each_kind(
    flora: Flora, tested: Embedded, tmp_path: Path
) -> None:
    known = answer_all(flora, *labelled(tested, Labels(flora, tmp_path)))
    noise = np.random.default_rng(0).normal(size=(4, tested.vectors.shape[1])).astype(np.float32)
    things = {"noise": Embedded(tested.records[:4], 100 * noise)}
    rows = verdict_rows(flora, {"roses": known}, things)
    assert [row["photos"] for row in rows] == ["roses", "no plants: noise"]
    targets = np.array([flora.tree.rows[r.taxon.scientific_name] for r in tested.records if r.taxon], np.intp)
    scores = {row["score"]: row for row in score_rows(flora, tested, targets, things)}
    assert all(float(row["noise"]) >= 0 for row in scores.values())  # type: ignore[arg-type]
    assert float(scores["maximum similarity"]["left out"]) > 0.5  # type: ignore[arg-type]
    same = scores["Mahalanobis distance to the mean plant"]["left out"]
    assert float(same) == 0.5, "it does not depend on the taxa"  # type: ignore[arg-type]


def test_taught_plants_are_left_out_first(flora: Flora, embedded: Embedded, tmp_path: Path) -> None:
    assert flora.calibration.taught_offset is not None
    some, shown = labelled(embedded, Labels(flora, tmp_path))
    one = np.array([taxon == shown[0] for taxon in shown])
    targets = np.array([flora.row(taxon) for taxon in shown], np.intp)
    mine = [taxon for taxon in shown if taxon == shown[0]]
    rows = taught_rows(flora, some.part(one), mine, Known(some.vectors, targets))
    assert [row["taught from"] for row in rows] == ["1 photo", "2 photos", "4 photos"]
    assert all(row["top-1"][0] > 0.5 for row in rows)  # type: ignore[index]


def test_vectors_are_read_again_for_the_same_photos_only(
    encoder: Encoder, embedded: Embedded, tmp_path: Path
) -> None:
    def write(number: int) -> None:
        with tarfile.open(tmp_path / "garden-plants-000000.tar", "w") as tar:
            for record in embedded.records[:number]:
                fields = json.dumps({"scientificName": "Rosa red", "source": "test"}).encode()
                for kind, content in (("png", record.read_bytes()), ("json", fields)):
                    member = tarfile.TarInfo(f"{record.key.replace('/', '-').replace('.', '-')}.{kind}")
                    member.size = len(content)
                    tar.addfile(member, io.BytesIO(content))

    kept = tmp_path / "vectors"
    write(3)
    first = embed(encoder, tmp_path, "garden", kept=kept)
    (file,) = kept.iterdir()
    stamp = file.stat().st_mtime_ns
    again = embed(encoder, tmp_path, "garden", kept=kept)
    assert len(first.records) == 3
    assert np.array_equal(first.vectors, again.vectors)
    assert file.stat().st_mtime_ns == stamp
    write(4)
    assert len(embed(encoder, tmp_path, "garden", kept=kept).records) == 4
    assert len(embed(encoder, tmp_path, "insects", kept=kept).records) == 0


def test_tables_show_shares_with_intervals() -> None:
    lines = make_table(
        [{"source": "a", "photos": 1234, "top-1": (0.5, 0.4, 0.6), "size": 1.25, "none": None}]
    )
    assert lines[0] == "| source | photos | top-1 | size | none |"
    assert lines[2] == "| a | 1,234 | 50.0 (40.0–60.0) | 1.2 | – |"


def test_an_answer_that_is_right_for_a_label_of_a_genus_counts() -> None:
    assert replace(answered(OAKS, OAK), claimed=OAK).sure_and_right
    assert replace(answered(OAK, OAK), claimed=BEECH).sure_and_wrong
