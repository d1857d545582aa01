import dataclasses
import os
import sqlite3
import stat
from pathlib import Path

import numpy as np
from wording import refuses, said

from dalip.datasets import FilePart, Record, read_records
from dalip.encoder import Encoder
from dalip.errors import FloraError, Skipped
from dalip.taxonomy import Taxon
from dalip_index import Identification, build_flora, evaluate_flora, flora_info, load_flora, verify_flora
from dalip_index.flora.comparison import Comparison
from dalip_index.flora.prototypes import with_unit_appearance
from dalip_index.store.catalogue import read_evidence


def versions(path: Path) -> list[str]:
    return sorted(p.name for p in path.iterdir() if p.name != ".lock")


def test_a_flora_identifies_photos_by_colour(flora_path: Path, encoder: Encoder, photos: Path) -> None:
    flora = load_flora(flora_path, encoder)
    answers = list(flora.identify([photos / "Rosa red" / "1.png", photos / "Rosa blue" / "2.png"], top_k=3))
    for answer, name in zip(answers, ("Rosa red", "Rosa blue"), strict=True):
        assert isinstance(answer, Identification)
        assert answer.predictions[0].taxon.scientific_name == name
        assert len(answer.predictions) == 3
        assert answer.verdict == "sure"
        assert answer.taxon == answer.predictions[0].taxon


def test_answers_keep_their_order_and_unreadable_photos_are_reported(
    flora_path: Path, encoder: Encoder, photos: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no photo")
    good = photos / "Rosa red" / "1.png"
    answers = list(
        load_flora(flora_path, encoder).identify([broken, str(good), good.read_bytes(), tmp_path / "no"])
    )
    named = [a.source if isinstance(a, Skipped) else a.image for a in answers]
    assert named == [str(broken), str(good), "image 3", str(tmp_path / "no")]
    assert [type(a) for a in answers] == [Skipped, Identification, Identification, Skipped]
    assert isinstance(answers[0], Skipped)
    assert "broken.jpg" in said(answers[0].error)


def test_the_encoder_can_be_given_as_a_folder(flora_path: Path, bundle: Path) -> None:
    assert load_flora(flora_path, bundle).encoder.manifest.name == "tiny-0"


def test_taxa_round_trip(flora_path: Path, encoder: Encoder, taxa: list[Taxon]) -> None:
    assert load_flora(flora_path, encoder).taxa == tuple(taxa)


def test_the_manifest_counts_everything(flora_path: Path, records: list[Record]) -> None:
    info = verify_flora(flora_path)
    counts = info.manifest.counts
    splits = [r.split for r in records]
    assert (counts.taxa, counts.vernacular_names) == (10, 20)
    assert counts.photos == len(splits) - splits.count("test")
    assert counts.selection_photos == info.calibration.selection_photos == splits.count("selection")
    assert counts.calibration_photos == info.calibration.calibration_photos == splits.count("calibration")
    assert counts.test_photos == splits.count("test")
    assert info.manifest.selection["both"].top1 >= 0.8
    assert info.size > 0
    assert info == flora_info(flora_path)


def test_the_catalogue_uses_darwin_core_and_lists_the_evidence(flora_path: Path) -> None:
    with sqlite3.connect(flora_path / "v000001" / "catalogue.db") as connection:
        connection.row_factory = sqlite3.Row
        taxon = connection.execute("SELECT * FROM taxa WHERE scientificName = 'Rosa red'").fetchone()
        assert (taxon["family"], taxon["order"], taxon["taxonRank"]) == ("Rosaceae", "Rosales", "species")
        rows = connection.execute("SELECT kind, count FROM prototypes WHERE taxon = ?", (taxon["id"],))
        counts = {row["kind"]: row["count"] for row in rows}
    evidence = [e for e in read_evidence(flora_path / "v000001") if e.taxon == taxon["id"] - 1]
    assert counts == {
        "text": sum(e.kind == "text" for e in evidence),
        "photo": sum(e.kind == "photo" for e in evidence),
    }
    assert "a photo of Rosa red, a plant" in [e.content for e in evidence]


def test_test_photos_are_not_even_read(
    tmp_path: Path, encoder: Encoder, taxa: list[Taxon], photos: Path
) -> None:
    records = [
        dataclasses.replace(r, location=FilePart(tmp_path / "absent")) if r.split == "test" else r
        for r in read_records(photos)
    ]
    assert build_flora(tmp_path / "flora", encoder, taxa, records).counts.unreadable_photos == 0


def test_a_taxon_with_photos_in_the_test_split_alone_is_known_from_them(
    tmp_path: Path, encoder: Encoder, taxa: list[Taxon], records: list[Record]
) -> None:
    name = "Rosa blue"
    alone = [r for r in records if r.split == "test" or not r.taxon or r.taxon.scientific_name != name]
    own = sum(r.taxon is not None and r.taxon.scientific_name == name for r in alone)
    assert own
    counts = build_flora(tmp_path / "flora", encoder, taxa, alone).counts
    tests = [r for r in alone if r.split == "test"]
    assert counts.test_photos == len(tests) - own
    flora = load_flora(tmp_path / "flora", encoder)
    assert not flora.experimental.any()
    found = evaluate_flora(flora, tests)
    assert found.evidence_photos == own
    assert name not in {row.taxon for row in found.taxa}
    assert evaluate_flora(flora, [r for r in alone if r.split != "test"]).evidence_photos == 0


def test_photos_that_choose_or_calibrate_are_not_in_the_prototypes_they_are_compared_with(
    tmp_path: Path, encoder: Encoder, taxa: list[Taxon], records: list[Record]
) -> None:
    """So a flora with validation and calibration photos is calibrated as if they were no evidence."""
    whole = build_flora(tmp_path / "whole", encoder, taxa, records, keep=0)
    train = [r for r in records if r.split in ("train", "selection")]
    build_flora(tmp_path / "part", encoder, taxa, train, keep=0)
    flora, part = load_flora(tmp_path / "whole", encoder), load_flora(tmp_path / "part", encoder)
    assert whole.counts.photos > part.manifest.counts.photos
    photos = np.stack(
        [v for _, v in part.encoded(r.read_bytes() for r in records if r.split == "calibration")]
    )
    prototypes = dataclasses.replace(part.prototypes, shrinkage=flora.manifest.shrinkage)
    comparison = Comparison(prototypes, flora.calibration.text_weight)
    fits = comparison(with_unit_appearance(photos, encoder.width)[0]).max(axis=1)
    np.testing.assert_allclose(np.sort(fits), flora.calibration.fits, atol=1e-3)


def test_unreadable_photos_are_named_and_others_counted(
    tmp_path: Path, encoder: Encoder, taxa: list[Taxon], records: list[Record]
) -> None:
    train = [i for i, r in enumerate(records) if r.split == "train"]
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"")
    records = list(records)
    records[train[0]] = dataclasses.replace(records[train[0]], location=FilePart(broken))
    records[train[1]] = dataclasses.replace(records[train[1]], location=FilePart(tmp_path / "absent.png"))
    stages: list[tuple[str, int, int]] = []
    skipped: list[Skipped] = []
    manifest = build_flora(
        tmp_path / "flora",
        encoder,
        taxa[:-1],
        records,
        progress=lambda *step: stages.append(step),
        skipped=skipped.append,
    )
    assert manifest.counts.unreadable_photos == 2
    assert [Path(photo.source).name for photo in skipped] == ["broken.png", "absent.png"]
    assert manifest.counts.other_photos == 15
    for stage in ("texts", "photos", "files"):
        last = [s for s in stages if s[0] == stage][-1]
        assert last[1] == last[2]
    verify_flora(tmp_path / "flora")


def test_a_flora_from_texts_only_is_uncalibrated(
    tmp_path: Path, encoder: Encoder, taxa: list[Taxon], photos: Path
) -> None:
    texts = {t.scientific_name: [t.scientific_name.removeprefix("Rosa ")] for t in taxa}
    build_flora(tmp_path / "flora", encoder, taxa, texts=texts)
    flora = load_flora(tmp_path / "flora", encoder)
    (answer,) = flora.identify([photos / "Rosa green" / "3.png"], 1)
    assert isinstance(answer, Identification)
    assert (answer.verdict, answer.taxon, answer.predictions[0].probability) == ("uncalibrated", None, None)
    assert answer.predictions[0].taxon.scientific_name == "Rosa green"
    assert flora.manifest.selection == {}
    assert flora.manifest.counts.texts == 10


def test_a_taxon_needs_a_text_or_a_photo(
    tmp_path: Path, encoder: Encoder, taxa: list[Taxon], records: list[Record]
) -> None:
    no_text: dict[str, list[str]] = {t.scientific_name: [] for t in taxa}
    build_flora(tmp_path / "flora", encoder, taxa, records, texts=no_text)
    flora = load_flora(tmp_path / "flora", encoder)
    (answer,) = flora.identify([records[0].location.path], 10)
    assert isinstance(answer, Identification)
    assert records[0].taxon
    assert answer.predictions[0].taxon.scientific_name == records[0].taxon.scientific_name
    vectors = np.zeros((1, 48), np.float32)
    assert not np.isfinite(flora.similarities(vectors, "text").values).any()
    assert np.isfinite(flora.similarities(vectors, "photos").values).sum() == 10
    with refuses(FloraError, match="Rosa red has neither a text nor a photo; add one, or omit the taxon"):
        build_flora(tmp_path / "bare", encoder, taxa, texts=no_text)
    assert not (tmp_path / "bare").exists()


def test_building_again_makes_a_new_version_and_keeps_the_last(
    tmp_path: Path, encoder: Encoder, taxa: list[Taxon]
) -> None:
    path = tmp_path / "flora"
    for _ in range(3):
        build_flora(path, encoder, taxa)
    assert versions(path) == ["CURRENT", "v000002", "v000003"]
    assert load_flora(path, encoder).manifest.version == "v000003"


def test_a_read_only_flora_works_and_nothing_is_written(
    tmp_path: Path, encoder: Encoder, taxa: list[Taxon]
) -> None:
    path = tmp_path / "flora"
    build_flora(path, encoder, taxa)
    everything = [path, *path.rglob("*")]
    for p in everything:
        p.chmod(p.stat().st_mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
    try:
        verify_flora(path)
        flora = load_flora(path, encoder)
        assert len(flora.prototypes.text) == 10
        assert [path, *path.rglob("*")] == everything
        if os.geteuid():
            with refuses(FloraError, match="cannot be written"):
                build_flora(path, encoder, taxa)
    finally:
        for p in everything:
            p.chmod(p.stat().st_mode | stat.S_IWUSR)


def test_a_flora_can_have_one_taxon(tmp_path: Path, encoder: Encoder, taxa: list[Taxon]) -> None:
    build_flora(tmp_path / "flora", encoder, taxa[:1])
    answer = load_flora(tmp_path / "flora", encoder).answer("", np.zeros((1, 48), np.float32))
    assert len(answer.predictions) == 1
