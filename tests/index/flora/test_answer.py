"""Answers of large floras: array operations, lazy sequences, and JSON."""

import dataclasses
import json
import shutil
from pathlib import Path

import faiss
import jsonschema
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from paths import ROOT
from wording import refuses

from dalip.encoder import Encoder
from dalip.errors import FloraError
from dalip.prompts import name_texts
from dalip.taxon_tree import TaxonTree
from dalip.taxonomy import Taxon
from dalip_index import (
    Flora,
    Prediction,
    build_flora,
    load_flora,
    rebuild_flora,
    undo_change,
    verify_flora,
)
from dalip_index.flora import candidates, comparison, prototypes
from dalip_index.flora.answer import Lazy
from dalip_index.flora.candidates import Candidates
from dalip_index.flora.prototypes import Prototypes
from dalip_index.flora.shrinkage import unit_rows
from dalip_index.flora.verify import find_problems
from dalip_index.store.catalogue import read_evidence
from dalip_index.store.faiss_index import TEXT_RESIDUALS, read_index, write_index
from dalip_index.store.manifest import FileStamp
from dalip_index.store.quantized import QuantizedVectors
from tests.index.dense import dense_vectors
from tests.index.flora.test_properties import queries

SCHEMA = json.loads((ROOT / "docs" / "identify.schema.json").read_text(encoding="utf-8"))
seeds = st.integers(0, 2**32 - 1)


@pytest.fixture(scope="module")
def flora(flora_path: Path, encoder: Encoder) -> Flora:
    return load_flora(flora_path, encoder)


def large(flora: Flora, taxa: int) -> Flora:
    """Return a flora of made-up taxa, six species per genus, with the calibration of another flora."""
    rng = np.random.default_rng(taxa)
    counts = np.where(np.arange(taxa) % 7 == 0, 0, 1)
    prototypes = Prototypes.built(
        rng.standard_normal((taxa, 32)),
        np.ones(taxa, np.intp),
        rng.standard_normal((counts.sum(), 16)),
        counts,
    )
    named = tuple(Taxon(f"G{i // 6} s{i}", genus=f"G{i // 6}", family=f"F{i // 60}") for i in range(taxa))
    return Flora(flora.folder, flora.manifest, flora.calibration, TaxonTree(named), prototypes, flora.encoder)


def test_an_answer_creates_objects_only_for_shown_predictions(
    flora: Flora, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Taxon] = []

    def counted(taxon: Taxon, *known: object) -> Prediction:
        made.append(taxon)
        return Prediction(taxon, *known)  # type: ignore[arg-type]

    monkeypatch.setattr(candidates, "Prediction", counted)
    many = large(flora, 3000)
    answer = many.answer("", queries(1, 1), coverage=0.9999)  # only the set of all taxa has this coverage
    assert len(made) == len(answer.predictions) == 5
    assert len(answer.taxon_set) == 50  # families
    assert len(made) == 5
    assert {p.taxon.scientific_name for p in answer.taxon_set} == {taxon.family for taxon in many.taxa}
    made.clear()
    many.answer("", queries(1, 1), rank="genus")
    assert len(made) < 10


@given(seed=seeds, rank=st.sampled_from(["genus", "family", "order"]), calibrated=st.booleans())
def test_grouping_by_rank_equals_a_loop(seed: int, rank: str, calibrated: bool) -> None:
    rng = np.random.default_rng(seed)
    taxa = [
        Taxon(f"G{g} s{i}", genus=f"G{g}", family=f"F{g % 3}" if g % 4 else "")
        for i, g in enumerate(rng.integers(0, 6, 20).tolist())
    ]
    taxa += [Taxon("F1", "family", order="O"), Taxon("G2", "genus")]
    tree, similarities = TaxonTree(taxa), rng.integers(0, 9, len(taxa)) / 8  # with ties
    shares = rng.dirichlet(np.ones(len(taxa))) if calibrated else None
    every = Candidates(taxa, similarities, shares, rng.random(len(taxa)) < 0.5)
    rows = every.best(int(rng.integers(1, len(taxa) + 1)))
    groups: dict[int, list[Prediction]] = {}
    for prediction, row in zip(every.predictions(rows), rows, strict=True):
        groups.setdefault(int(tree.at_rank(rank)[row]), []).append(prediction)
    expected = [
        (
            tree[node].scientific_name,
            max(p.similarity for p in group),
            sum(p.probability or 0 for p in group),
            all(p.experimental for p in group),
        )
        for node, group in sorted(groups.items())
    ]
    expected.sort(key=lambda row: (-row[2], -row[1]))
    at_rank = every.at_rank(tree, rank, rows)
    found = at_rank.predictions(np.arange(len(at_rank.taxa)))
    assert [(p.taxon.scientific_name, p.similarity, p.experimental) for p in found] == [
        (name, similarity, experimental) for name, similarity, _, experimental in expected
    ]
    assert [p.probability or 0 for p in found] == pytest.approx([row[2] for row in expected])
    assert all(p.taxon in tree for p in found)


@given(seed=seeds)
def test_look_alikes_use_texts_and_photos(flora: Flora, seed: int) -> None:
    units = unit_rows(dense_vectors(flora.prototypes, flora.calibration.text_weight))
    answer = flora.answer("", queries(seed, 1))
    row = flora.row(answer.predictions[0].taxon)
    likeness = units @ units[row]
    alike = [flora.row(taxon) for taxon in answer.look_alikes]
    assert len(alike) == 3
    assert row not in alike
    others = np.delete(likeness, [row, *alike])
    assert likeness[alike].min() >= others.max() - 1e-6
    assert np.all(np.diff(likeness[alike]) <= 1e-6)


def test_a_lazy_sequence_is_computed_once_and_behaves_like_a_tuple() -> None:
    made: list[int] = []

    def make() -> tuple[str, ...]:
        made.append(1)
        return "a", "b", "c"

    lazy = Lazy(3, make)
    assert (len(lazy), bool(lazy), made) == (3, True, [])
    assert not Lazy(0, make)
    assert made == []
    assert list(lazy) == ["a", "b", "c"]
    assert (lazy[0], lazy[1:], "c" in lazy, repr(lazy)) == ("a", ("b", "c"), True, "('a', 'b', 'c')")
    assert made == [1]
    assert lazy == ("a", "b", "c") == lazy == Lazy(3, make)
    assert hash(lazy) == hash(("a", "b", "c"))
    assert lazy != ("a",)
    assert lazy != ["a", "b", "c"]


def test_the_json_of_an_answer_is_complete_except_for_messages(flora: Flora) -> None:
    answer = flora.answer("photo.jpg", queries(3, 1), 2)
    content = json.loads(json.dumps(answer.to_dict()))
    jsonschema.validate(content | {"cautions": []}, SCHEMA)
    assert content["image"] == "photo.jpg"
    assert [p["scientificName"] for p in content["predictions"]] == [
        p.taxon.scientific_name for p in answer.predictions
    ]
    assert content["taxonSet"] == [p.taxon.scientific_name for p in answer.taxon_set]
    assert content["lookAlikes"] == [taxon.scientific_name for taxon in answer.look_alikes]
    assert content["predictions"][0] == answer.predictions[0].to_dict()


def test_an_index_stores_directions_with_8_bits_and_writing_again_changes_nothing(tmp_path: Path) -> None:
    vectors, rows = queries(0, 50), np.arange(0, 100, 2)
    vectors[7] = 0
    write_index(tmp_path / "a", rows, QuantizedVectors.of(3 * vectors))
    found_rows, found = read_index(tmp_path / "a", 100, 48)
    np.testing.assert_array_equal(found_rows, rows)
    np.testing.assert_array_equal(found[:], QuantizedVectors.of(vectors)[:])
    cosines = (found[:] * vectors).sum(axis=1)
    assert cosines[7] == 0
    assert np.delete(cosines, 7).min() > 0.9998
    write_index(tmp_path / "b", rows, QuantizedVectors.of(found[:]))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    write_index(tmp_path / "c", rows[:10], found.part(slice(10)))
    np.testing.assert_array_equal(read_index(tmp_path / "c", 100, 48)[1][:], found[:10])  # each by itself


SIGNED = faiss.ScalarQuantizer.QT_8bit_direct_signed


@pytest.mark.parametrize(
    ("index", "ids", "message"),
    [
        (faiss.IndexFlatIP(48), None, "text.faiss: the index type IndexFlatIP is not supported"),
        (
            faiss.IndexIDMap2(faiss.IndexFlatL2(48)),
            [1, 2, 3],
            r"index type IndexFlatL2 is not supported; build the flora again",
        ),
        *(
            (faiss.IndexIDMap2(faiss.IndexScalarQuantizer(48, SIGNED)), ids, "the taxa of its 3 vectors")
            for ids in ([1, 3, 2], [0, 1, 2], [1, 2, 2], [1, 2, 10])
        ),
        (
            faiss.IndexIDMap2(faiss.IndexScalarQuantizer(48, faiss.ScalarQuantizer.QT_fp16)),
            [1, 2, 3],
            "index type IndexScalarQuantizer is not supported",
        ),
        (faiss.IndexIDMap2(faiss.IndexScalarQuantizer(47, SIGNED)), None, "vectors of width 47"),
    ],
)
def test_an_unsupported_index_is_refused(
    tmp_path: Path, index: faiss.Index, ids: list[int] | None, message: str
) -> None:
    if ids:
        index.add_with_ids(queries(0, 3), np.array(ids, np.int64))
    faiss.write_index(index, str(tmp_path / "text.faiss"))
    with refuses(FloraError, match=message):
        read_index(tmp_path / "text.faiss", 9, 48)


def test_a_flora_of_the_earlier_format_answers_and_is_rewritten_in_the_current_one(
    tmp_path: Path, encoder: Encoder
) -> None:
    earlier = Path(__file__).parents[1] / "earlier" / "flora-3"
    assert find_problems(earlier, encoder) == []
    before = load_flora(earlier, encoder)
    index = faiss.read_index(str(earlier / "v000001" / "taxa.faiss"))
    stored = faiss.downcast_index(index.index).reconstruct_n(0, 3)
    vectors = dense_vectors(before.prototypes, before.calibration.text_weight)
    np.testing.assert_allclose(vectors, stored, atol=0.01)
    copy = shutil.copytree(earlier, tmp_path / "flora")
    rebuild_flora(copy, encoder)
    assert find_problems(copy, encoder) == []
    after = load_flora(copy, encoder)
    assert after.manifest.format_version == before.manifest.format_version + 1
    np.testing.assert_allclose(after.prototypes.photos, before.prototypes.photos, atol=0.01)
    assert sorted(e.content for e in read_evidence(after.folder)) == sorted(
        e.content for e in read_evidence(before.folder)
    )
    undo_change(copy)
    again = load_flora(copy, encoder)
    np.testing.assert_array_equal(dense_vectors(again.prototypes, again.calibration.text_weight), vectors)


def test_in_a_large_flora_the_first_taxa_are_compared_more_exactly(
    flora: Flora, encoder: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neighbours that rounding to 8 bits would swap have the order of their exact similarities."""
    monkeypatch.setattr(prototypes, "RESIDUALS_FROM", 1)
    monkeypatch.setattr(comparison, "REFINED", 5)
    taxa = [Taxon(f"Rosa a{i}", genus="Rosa") for i in range(60)]
    build_flora(tmp_path / "names", encoder, taxa)
    verify_flora(tmp_path / "names")
    large = load_flora(tmp_path / "names", encoder)
    texts = np.stack([encoder.encode_text(name_texts(taxon)).sum(axis=0) for taxon in taxa])
    photos = queries(1, 20)
    exact = photos[:, :32] @ unit_rows(texts).T
    for photo, expected in zip(photos, exact, strict=True):
        found = large.answer("", photo[None], 3).predictions
        best = np.sort(expected)[::-1][:3]
        assert [p.similarity for p in found] == pytest.approx(best.tolist(), abs=1e-4)
    residuals = tmp_path / "names" / "v000001" / TEXT_RESIDUALS
    np.save(residuals, np.load(residuals)[:-1])
    manifest = json.loads((residuals.parent / "manifest.json").read_text())
    manifest["files"][TEXT_RESIDUALS] = dataclasses.asdict(FileStamp.of(residuals))
    (residuals.parent / "manifest.json").write_text(json.dumps(manifest))
    with refuses(FloraError, match=r"text-residuals\.npy: the taxa of its 59 vectors"):
        load_flora(tmp_path / "names", encoder)
