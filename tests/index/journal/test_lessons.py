"""Teaching a flora from a journal: plants that the user named and that the flora was not built with."""

from pathlib import Path

from dalip.encoder import Encoder
from dalip.taxonomy import Taxon
from dalip_index import Journal, Observation, build_flora, load_flora
from dalip_index.journal.lessons import lessons, teach_lesson
from tests.index.conftest import paint, rose


def see(journal: Journal, identifier: str, name: str, photo: Path) -> None:
    answer = ("2026-05-31", "Rosa red", "species", "Rosaceae", 0.5, "unsure", name)
    journal.add(Observation(identifier, *answer), [photo.read_bytes()])


def test_a_plant_is_taught_again_from_all_its_photos(
    tmp_path: Path, encoder: Encoder, taxa: list[Taxon]
) -> None:
    path, journal = tmp_path / "flora", Journal(tmp_path / "data")
    build_flora(path, encoder, [taxon for taxon in taxa if taxon != rose("purple")])
    see(journal, "1", "Rosa purple", paint(tmp_path / "1.png", "purple", 1))
    see(journal, "2", "", paint(tmp_path / "2.png", "purple", 2))  # not named by the user
    see(journal, "3", "Rosa red", paint(tmp_path / "3.png", "red", 3))  # the flora was built with it
    (first,) = lessons(journal, path, None, encoder)
    assert (first.name, len(first.photos), first.again) == ("Rosa purple", 1, False)
    assert teach_lesson(first, path, None, encoder).version == "v000002"
    see(journal, "4", "Rosa purple", paint(tmp_path / "4.png", "purple", 4))
    (second,) = lessons(journal, path, None, encoder)
    assert (second.name, len(second.photos), second.again) == ("Rosa purple", 2, True)
    manifest = teach_lesson(second, path, None, encoder)
    assert (manifest.version, manifest.counts.taught, manifest.counts.kept_photos) == ("v000003", 1, 2)
    flora = load_flora(path, encoder)
    assert flora.prototypes.photo_counts[-1] == 2
