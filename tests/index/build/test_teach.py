"""Teaching a flora a plant from a few photos, and undoing it."""

import dataclasses
import os
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from wording import refuses, said

from dalip.datasets import Record
from dalip.encoder import Encoder
from dalip.errors import FloraError, Skipped
from dalip.taxonomy import Taxon
from dalip_index import (
    Flora,
    Identification,
    build_flora,
    forget_taxon,
    load_flora,
    teach_taxon,
    verify_flora,
)
from dalip_index.flora.prototypes import Prototypes, chance_similarity, telling
from dalip_index.store.catalogue import read_evidence
from dalip_index.store.manifest import FloraManifest, Shrinkage
from dalip_index.store.versions import current_version, new_version
from tests.index.conftest import paint, rose
from tests.index.dense import dense_vectors

NEW = ("purple", "green")


@pytest.fixture(scope="module")
def small(
    tmp_path_factory: pytest.TempPathFactory, encoder: Encoder, taxa: list[Taxon], records: list[Record]
) -> Path:
    """A flora without two of the colours."""
    path = tmp_path_factory.mktemp("floras") / "small"
    old = [taxon for taxon in taxa if taxon.scientific_name.split()[1] not in NEW]
    build_flora(path, encoder, old, records, keep=0)
    return path


@pytest.fixture
def path(small: Path, tmp_path: Path) -> Path:
    return shutil.copytree(small, tmp_path / "flora")


def painted(folder: Path, colour: str, number: int, start: int = 500) -> list[Path]:
    return [paint(folder / f"{colour}-{i}.png", colour, start + i) for i in range(number)]


def names(flora: Flora, photos: list[Path]) -> list[str]:
    answers = list(flora.identify(photos))
    return [a.predictions[0].taxon.scientific_name for a in answers if isinstance(a, Identification)]


@pytest.mark.parametrize("number", [1, 4])
def test_a_taught_plant_is_identified(path: Path, encoder: Encoder, tmp_path: Path, number: int) -> None:
    manifest = teach_taxon(path, encoder, rose("purple"), painted(tmp_path / "new", "purple", number))
    assert (manifest.counts.taxa, manifest.counts.taught) == (9, 1)
    flora = load_flora(path, encoder)
    asked = painted(tmp_path / "asked", "purple", 10, start=700)
    assert names(flora, asked).count("Rosa purple") >= 9
    assert not flora.experimental[8]
    verify_flora(path)


def test_teaching_does_not_affect_others_and_forgetting_restores_every_byte(
    path: Path, encoder: Encoder, photos: Path, tmp_path: Path
) -> None:
    asked = [photos / "Rosa red" / "1.png", photos / "Rosa blue" / "2.png", *painted(tmp_path, "purple", 2)]
    before, first = list(load_flora(path, encoder).identify(asked, 8)), current_version(path)
    files = {name: (first / name).read_bytes() for name in ("text.faiss", "photos.faiss", "calibration.json")}
    for colour in NEW:
        teach_taxon(path, encoder, rose(colour), painted(tmp_path / colour, colour, 3))
    during = list(load_flora(path, encoder).identify(asked, 10))
    for old, new in zip(before, during, strict=True):
        assert isinstance(old, Identification)
        assert isinstance(new, Identification)
        kept = {p.taxon: p.similarity for p in new.predictions}
        similarities = [p.similarity for p in old.predictions]
        assert [kept[p.taxon] for p in old.predictions] == pytest.approx(similarities, abs=1e-6)
    forget_taxon(
        path, encoder, "Rosa purple"
    )  # the first of the two taught plants, so the row of the other one changes
    assert load_flora(path, encoder).taxa[-1] == rose("green")
    verify_flora(path)
    assert forget_taxon(path, encoder, "Rosa green").counts.taught == 0
    verify_flora(path)
    last = current_version(path)
    assert {name: (last / name).read_bytes() for name in files} == files
    assert list(load_flora(path, encoder).identify(asked, 8)) == before


def test_the_family_of_a_taught_plant_changes_no_relative(
    records: list[Record], encoder: Encoder, tmp_path: Path
) -> None:
    path, family = tmp_path / "flora", dataclasses.replace(rose("green"), genus="Rubus", order="")
    taxa = [Taxon("Rosa red", genus="Rosa"), Taxon("Rosa blue", genus="Rosa"), family]
    build_flora(path, encoder, taxa, records, keep=0)

    def vectors() -> np.ndarray:
        folder = current_version(path)
        manifest = dataclasses.replace(FloraManifest.load(folder), shrinkage=Shrinkage(1, 1))
        return dense_vectors(Prototypes.load(folder, manifest), 0.3)

    before = vectors()
    teach_taxon(path, encoder, rose("purple"), painted(tmp_path, "purple", 2))
    np.testing.assert_array_equal(vectors()[:-1], before)


def test_a_flora_without_photos_can_be_taught(tmp_path: Path, encoder: Encoder, taxa: list[Taxon]) -> None:
    path = tmp_path / "names"
    build_flora(path, encoder, [taxon for taxon in taxa if taxon != rose("purple")])
    teach_taxon(path, encoder, rose("purple"), painted(tmp_path / "new", "purple", 4))
    flora = load_flora(path, encoder)
    assert flora.experimental.tolist() == [True] * 9 + [False]
    assert names(flora, painted(tmp_path / "asked", "purple", 10, start=700)).count("Rosa purple") >= 8
    assert names(flora, painted(tmp_path / "asked", "red", 10, start=700)).count("Rosa purple") == 0


def test_taxa_taught_to_a_flora_without_photos_are_balanced(
    tmp_path: Path, encoder: Encoder, taxa: list[Taxon]
) -> None:
    path = tmp_path / "names"
    new = [rose("purple"), rose("pink"), rose("red")]
    build_flora(path, encoder, [taxon for taxon in taxa if taxon not in new])
    for taxon in new:
        teach_taxon(path, encoder, taxon, painted(tmp_path / "new", taxon.scientific_name.split()[1], 3))
    flora = load_flora(path, encoder)
    assert np.ptp(flora.prototypes.offsets[-3:]) < 0.3
    for taxon in new:
        colour = taxon.scientific_name.split()[1]
        named = names(flora, painted(tmp_path / "asked", colour, 10, start=700))
        assert named.count(taxon.scientific_name) >= 7


def test_any_photo_name_works(path: Path, encoder: Encoder, tmp_path: Path) -> None:
    photo = painted(tmp_path, "purple", 1)[0]
    odd = photo.rename(photo.with_name(os.fsdecode(b"\xff\xfe.png")))
    teach_taxon(path, encoder, rose("purple"), [odd])
    assert read_evidence(current_version(path))[-1].content.endswith("\\udcff\\udcfe.png")


def test_teaching_a_copy_leaves_the_original_unchanged(small: Path, encoder: Encoder, tmp_path: Path) -> None:
    own = tmp_path / "data" / "flora"
    for colour in NEW:
        teach_taxon(own, encoder, rose(colour), painted(tmp_path, colour, 2), start=small)
    assert len(load_flora(own, encoder).taxa) == 10
    assert len(load_flora(small, encoder).taxa) == 8
    assert sorted(p.name for p in small.iterdir() if p.name != ".lock") == ["CURRENT", "v000001"]


def test_unreadable_photos_are_named_and_the_rest_is_learned(
    path: Path, encoder: Encoder, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no photo")
    told: list[Skipped] = []
    good = painted(tmp_path, "purple", 2)
    manifest = teach_taxon(path, encoder, rose("purple"), [good[0], broken, good[1]], skipped=told.append)
    assert [u.source for u in told] == [str(broken)]
    assert manifest.counts.photos == verify_flora(path).manifest.counts.photos
    assert load_flora(path, encoder).prototypes.photo_counts[-1] == 2


def test_a_refused_change_changes_nothing(path: Path, encoder: Encoder, tmp_path: Path) -> None:
    good = painted(tmp_path, "purple", 1)
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"")
    elsewhere = dataclasses.replace(rose("purple"), family="Liliaceae")
    lower = dataclasses.replace(rose("red"), scientific_name="rosa red")
    for taxon, photos, message in (
        (
            rose("red"),
            good,
            "the flora already contains Rosa red; if you taught it this plant, remove the plant first",
        ),
        (lower, good, "the flora already contains rosa red; if"),
        (
            rose("purple"),
            [broken],
            "none of the photos of Rosa purple can be read; specify at least one readable photo",
        ),
        (
            rose("purple"),
            [],
            "none of the photos of Rosa purple can be read; specify at least one readable photo",
        ),
        (
            elsewhere,
            good,
            r"genus Rosa is in Rosaceae according to Rosa red, but in Liliaceae according to Rosa purple",
        ),
    ):
        with refuses(FloraError, match=message):
            teach_taxon(path, encoder, taxon, photos)
    for name, message in (
        ("Rosa mauve", "Rosa mauve: the flora does not contain this taxon; it was taught no plants"),
        (
            "Rosa red",
            "Rosa red: the flora was built and calibrated with this taxon; build it again without it",
        ),
    ):
        with refuses(FloraError, match=message):
            forget_taxon(path, encoder, name)
    assert current_version(path).name == "v000001"
    assert not (path / "v000002").exists()


def test_a_plant_is_taught_again_in_one_version(path: Path, encoder: Encoder, tmp_path: Path) -> None:
    teach_taxon(path, encoder, rose("purple"), painted(tmp_path / "first", "purple", 2))
    teach_taxon(path, encoder, rose("green"), painted(tmp_path / "green", "green", 2))
    before, broken = current_version(path), tmp_path / "broken.png"
    broken.write_bytes(b"")
    with refuses(FloraError, match="none of the photos of Rosa purple can be read"):
        teach_taxon(path, encoder, rose("purple"), [broken], again=True)
    with refuses(FloraError, match="Rosa pink: the flora was built and calibrated with this taxon"):
        teach_taxon(path, encoder, rose("pink"), painted(tmp_path / "pink", "pink", 1), again=True)
    assert current_version(path) == before
    photos = painted(tmp_path / "second", "purple", 3)
    counts = teach_taxon(path, encoder, rose("purple"), photos, again=True).counts
    assert int(current_version(path).name[1:]) == int(before.name[1:]) + 1
    assert (counts.taught, counts.kept_photos) == (2, 5)
    flora = load_flora(path, encoder)
    assert flora.taught == ("Rosa green", "Rosa purple")
    assert flora.prototypes.photo_counts[-2:].tolist() == [2, 3]
    verify_flora(path)


def test_higher_taxa_are_completed_from_relatives(path: Path, encoder: Encoder, tmp_path: Path) -> None:
    teach_taxon(path, encoder, Taxon("Rosa purple", genus="Rosa"), painted(tmp_path, "purple", 1))
    taught = load_flora(path, encoder).taxa[-1]
    assert (taught.family, taught.order) == ("Rosaceae", "Rosales")
    teach_taxon(path, encoder, Taxon("Rosaceae", "family"), painted(tmp_path, "green", 1))
    assert load_flora(path, encoder).taxa[-1].order == "Rosales"
    with refuses(FloraError, match="it was taught Rosa purple, Rosaceae"):
        forget_taxon(path, encoder, "Rosa mauve")


@pytest.mark.parametrize("copied", [False, True])
def test_concurrent_teaching_loses_nothing(
    small: Path, path: Path, encoder: Encoder, tmp_path: Path, copied: bool
) -> None:
    photos = {colour: painted(tmp_path, colour, 2) for colour in NEW}
    failed: list[FloraError] = []
    start = small if copied else None
    if copied:
        path = tmp_path / "own"

    def teach(colour: str) -> None:
        while True:
            try:
                teach_taxon(path, encoder, rose(colour), photos[colour], start=start)
                return
            except FloraError as error:
                failed.append(error)

    threads = [threading.Thread(target=teach, args=(colour,)) for colour in NEW]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [said(error) for error in failed if "another process" not in said(error)] == []
    assert {t.scientific_name for t in load_flora(path, encoder).taxa[8:]} == {f"Rosa {c}" for c in NEW}


def test_a_busy_flora_is_reported(path: Path, encoder: Encoder, tmp_path: Path) -> None:
    photos = painted(tmp_path, "purple", 1)
    with new_version(path), refuses(FloraError, match="another process is changing"):
        teach_taxon(path, encoder, rose("purple"), photos)


def test_discriminating_directions_solve_the_ridge_regression() -> None:
    random = np.random.default_rng(0)
    others = random.standard_normal((7, 12)).astype(np.float32)
    row = random.standard_normal((1, 12)).astype(np.float32)
    # Ridge regression of "is it this taxon" on the means, each with the same weight as the penalty.
    design, target = np.vstack([row, others]), np.eye(8)[0]
    weights = np.linalg.solve(design.T @ design + np.eye(12), design.T @ target)
    np.testing.assert_allclose(telling(row, others)[0], weights / np.linalg.norm(weights), atol=1e-5)
    np.testing.assert_allclose(telling(row, np.vstack([others, row])), telling(row, others), atol=1e-5)


def test_chance_similarity_is_exceeded_by_one_pair_in_a_hundred(
    small: Path, encoder: Encoder, records: list[Record]
) -> None:
    flora = load_flora(small, encoder)
    assert flora.calibration.chance is not None
    assert flora.calibration.taught_offset == pytest.approx(
        np.quantile(flora.calibration.fits, 0.05) - flora.calibration.chance
    )
    photos = np.random.default_rng(0).standard_normal((200, 48)).astype(np.float32)
    targets = np.zeros(200, np.intp)
    chance = chance_similarity(flora.prototypes, photos, targets)
    known = telling(flora.prototypes.photos, flora.prototypes.photos)
    reached = (photos[:, 32:] @ known[1:].T >= chance).mean()
    assert reached == pytest.approx(0.01, abs=0.001)
    counts = np.eye(1, 8, dtype=np.intp)[0]
    alone = dataclasses.replace(flora.prototypes, photos=flora.prototypes.photos[:1], photo_counts=counts)
    assert chance_similarity(alone, photos, targets) is None
