import dataclasses
import json
import shutil
import sqlite3
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from wording import refuses

from dalip.datasets import FilePart, Record
from dalip.encoder import Encoder
from dalip.errors import DataError, FloraError
from dalip.taxonomy import Taxon
from dalip_index import build_flora, flora_info, load_flora, verify_flora
from dalip_index.store.catalogue import CATALOGUE
from dalip_index.store.faiss_index import PHOTO_INDEX, TEXT_INDEX, write_index
from dalip_index.store.manifest import MANIFEST, FileStamp
from dalip_index.store.name_tables import write_names
from dalip_index.store.quantized import QuantizedVectors
from dalip_index.store.taxon_arrays import TAXON_ARRAYS


@pytest.fixture
def path(tmp_path: Path, flora_path: Path) -> Path:
    """A flora to damage."""
    return shutil.copytree(flora_path, tmp_path / "flora")


def edit_manifest(path: Path, change: Callable[[dict], None]) -> None:
    file = path / "v000001" / MANIFEST
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))


def restamp(path: Path) -> None:
    """Update the manifest to match the files, as for a deliberate change."""

    def change(content: dict) -> None:
        for name in content["files"]:
            stamp = FileStamp.of(path / "v000001" / name)
            content["files"][name] = {"size": stamp.size, "sha256": stamp.sha256}

    edit_manifest(path, change)


def test_a_missing_flora_is_named(tmp_path: Path, encoder: Encoder) -> None:
    with refuses(FloraError, match="nowhere: no such flora"):
        load_flora(tmp_path / "nowhere", encoder)


def test_a_folder_without_a_pointer_is_not_a_flora(path: Path, encoder: Encoder) -> None:
    (path / "CURRENT").unlink()
    with refuses(FloraError, match="not a flora"):
        load_flora(path, encoder)


@pytest.mark.parametrize("pointer", ["v000009", "../elsewhere", "", "v000001/../v000001"])
def test_a_pointer_to_a_missing_version(path: Path, encoder: Encoder, pointer: str) -> None:
    (path / "CURRENT").write_text(pointer)
    with refuses(FloraError, match="points to"):
        load_flora(path, encoder)


@pytest.mark.parametrize("content", ["", "{", "[]", "null", "{}", '{"format_version": 2}'])
def test_a_damaged_manifest(path: Path, encoder: Encoder, content: str) -> None:
    (path / "v000001" / MANIFEST).write_text(content)
    with refuses(FloraError, match=r"manifest\.json"):
        load_flora(path, encoder)


def test_a_manifest_from_a_later_version(path: Path, encoder: Encoder) -> None:
    edit_manifest(path, lambda content: content.update(format_version=5))
    with refuses(FloraError, match="has format 5, but .* needs format 4"):
        flora_info(path)


@pytest.mark.parametrize(
    "name", ["catalogue.db", "text.faiss", "photos.faiss", "calibration.json", "manifest.json"]
)
def test_a_missing_file(path: Path, encoder: Encoder, name: str) -> None:
    (path / "v000001" / name).unlink()
    with refuses(FloraError, match=f"{name}: the file is missing"):
        load_flora(path, encoder)


@pytest.mark.parametrize("name", ["catalogue.db", "text.faiss", "photos.faiss", "calibration.json"])
def test_a_file_with_the_wrong_size(path: Path, encoder: Encoder, name: str) -> None:
    with (path / "v000001" / name).open("ab") as stream:
        stream.write(b"x")
    with refuses(FloraError, match=f"{name}: .* bytes, but the manifest says"):
        load_flora(path, encoder)


@pytest.mark.parametrize("name", ["catalogue.db", "text.faiss", "photos.faiss", "calibration.json"])
@pytest.mark.parametrize("place", [0.0, 0.5, 0.99])
def test_one_changed_byte_is_found_when_the_flora_is_loaded(
    path: Path, encoder: Encoder, name: str, place: float
) -> None:
    file = path / "v000001" / name
    content = bytearray(file.read_bytes())
    content[int(place * (len(content) - 1))] ^= 1
    file.write_bytes(content)
    with refuses(
        FloraError, match=f"{name}: the file was changed after it was written; build the flora again"
    ):
        load_flora(path, encoder)


@pytest.mark.parametrize("name", ["catalogue.db", "text.faiss", "photos.faiss", "calibration.json"])
@pytest.mark.parametrize("place", [0.0, 0.5, 0.99])
def test_verify_finds_one_changed_byte(path: Path, name: str, place: float) -> None:
    file = path / "v000001" / name
    content = bytearray(file.read_bytes())
    content[int(place * len(content))] ^= 0xFF
    file.write_bytes(content)
    with refuses(FloraError, match=name):
        verify_flora(path)


@pytest.mark.parametrize("name", ["catalogue.db", "text.faiss", "photos.faiss", "calibration.json"])
def test_a_header_of_something_else_is_refused_at_load(path: Path, encoder: Encoder, name: str) -> None:
    file = path / "v000001" / name
    file.write_bytes(b"\0" * file.stat().st_size)
    with refuses(FloraError, match=name):
        load_flora(path, encoder)


def test_a_calibration_that_lacks_a_part_is_refused_at_load(path: Path, encoder: Encoder) -> None:
    """Otherwise, it would answer without any confidence."""
    file = path / "v000001" / "calibration.json"
    content = json.loads(file.read_text())
    del content["right"]
    file.write_text(json.dumps(content))
    restamp(path)
    with refuses(FloraError, match=r"calibration\.json.*right"):
        load_flora(path, encoder)


def test_an_index_with_inconsistent_widths_is_refused_at_load(path: Path, encoder: Encoder) -> None:
    file = path / "v000001" / TEXT_INDEX
    content = bytearray(file.read_bytes())
    content[4] ^= 1  # a byte of the width in the outer index
    file.write_bytes(content)
    restamp(path)
    with refuses(FloraError, match=r"text\.faiss"):
        load_flora(path, encoder)


def test_names_that_no_file_can_have_are_refused(path: Path, encoder: Encoder) -> None:
    file = path / "v000001" / "manifest.json"
    content = json.loads(file.read_text())
    content["files"]["a\0b"] = content["files"][TEXT_INDEX]
    file.write_text(json.dumps(content))
    with refuses(FloraError, match="missing|not there|no such"):
        load_flora(path, encoder)


@pytest.mark.parametrize("value", [None, b"\xff"])
def test_a_catalogue_with_values_that_are_not_text_is_refused(
    path: Path, encoder: Encoder, value: bytes | None
) -> None:
    with sqlite3.connect(path / "v000001" / CATALOGUE) as connection:
        connection.execute("PRAGMA writable_schema = 1")
        connection.execute("UPDATE sqlite_schema SET sql = replace(sql, ' NOT NULL', '')")
    with sqlite3.connect(path / "v000001" / CATALOGUE) as connection:
        connection.execute('UPDATE taxa SET "references" = ? WHERE id = 1', (value,))
    restamp(path)
    with refuses(FloraError, match=r"catalogue\.db"):
        list(load_flora(path, encoder).taxa)


def test_another_encoder_is_refused_and_both_are_named(path: Path, other_encoder: Encoder) -> None:
    with refuses(FloraError, match=r"tiny-0.*not with tiny-1.*--encoder"):
        load_flora(path, other_encoder)


def test_verify_finds_rows_that_the_manifest_does_not_count(path: Path) -> None:
    with sqlite3.connect(path / "v000001" / CATALOGUE) as connection:
        connection.execute("DELETE FROM evidence WHERE id = 1")
    restamp(path)
    with refuses(FloraError, match="136 rows in evidence WHERE kind = 'photo'.*, but the manifest says 137"):
        verify_flora(path)


def test_verify_finds_rows_without_a_taxon(path: Path) -> None:
    with sqlite3.connect(path / "v000001" / CATALOGUE) as connection:
        connection.execute("UPDATE vernacular_names SET taxon = 99 WHERE id = 1")
    restamp(path)
    with refuses(FloraError, match="do not belong to any taxon"):
        verify_flora(path)


@pytest.mark.parametrize(
    "packed", [b"", zlib.compress(b"{"), zlib.compress(b"[[1, 2"), zlib.compress(b"[1]")]
)
def test_verify_finds_damaged_texts(path: Path, packed: bytes) -> None:
    with sqlite3.connect(path / "v000001" / CATALOGUE) as connection:
        connection.execute("UPDATE texts SET packed = ?", (packed,))
    restamp(path)
    with refuses(FloraError, match=r"catalogue\.db"):
        verify_flora(path)


def test_verify_finds_missing_texts(path: Path) -> None:
    with sqlite3.connect(path / "v000001" / CATALOGUE) as connection:
        connection.execute("DELETE FROM texts")
    restamp(path)
    with refuses(FloraError, match="0 rows in texts, but the manifest says 80"):
        verify_flora(path)


def test_verify_finds_vectors_of_zeros(path: Path) -> None:
    write_index(path / "v000001" / PHOTO_INDEX, np.arange(10), QuantizedVectors.of(np.zeros((10, 16))))
    restamp(path)
    with refuses(FloraError, match="vectors of zeros"):
        verify_flora(path)


@pytest.mark.parametrize(
    ("rows", "width", "message"),
    [
        (9, 32, "not those with prototypes in the catalogue"),
        (11, 32, "not in the flora"),
        (10, 31, "vectors of width 31, but the manifest says 32"),
    ],
)
def test_an_index_of_other_taxa_is_refused(
    path: Path, encoder: Encoder, rows: int, width: int, message: str
) -> None:
    write_index(path / "v000001" / TEXT_INDEX, np.arange(rows), QuantizedVectors.of(np.ones((rows, width))))
    restamp(path)
    for check in (lambda: load_flora(path, encoder), lambda: verify_flora(path)):
        with refuses(FloraError, match=message):
            check()


def test_a_catalogue_of_fewer_taxa_is_refused(path: Path, encoder: Encoder) -> None:
    with sqlite3.connect(path / "v000001" / CATALOGUE) as connection:
        connection.execute("DELETE FROM taxa WHERE id = 10")
    restamp(path)
    with refuses(FloraError, match="the flora has 9 taxa, but the manifest says 10"):
        load_flora(path, encoder)


@pytest.mark.parametrize("strength", [-1, "NaN", None])
def test_an_impossible_shrinkage_is_refused(path: Path, encoder: Encoder, strength: object) -> None:
    edit_manifest(path, lambda content: content["shrinkage"].update(genus=strength))
    with refuses(FloraError, match=r"manifest\.json"):
        load_flora(path, encoder)


def test_a_repeated_taxon_and_an_empty_list_are_refused(
    tmp_path: Path, encoder: Encoder, taxa: list[Taxon]
) -> None:
    with refuses(FloraError, match="Rosa red is in the list of taxa twice"):
        build_flora(tmp_path / "flora", encoder, [*taxa, taxa[0]])
    with refuses(FloraError, match="at least one taxon"):
        build_flora(tmp_path / "flora", encoder, [])
    assert not (tmp_path / "flora").exists()


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path, encoder: Encoder, taxa: list[Taxon]) -> None:
    (tmp_path / "diary.txt").write_text("dear diary")
    with refuses(FloraError, match=r"contains diary\.txt"):
        build_flora(tmp_path, encoder, taxa)
    with refuses(FloraError, match="is a file"):
        build_flora(tmp_path / "diary.txt", encoder, taxa)
    assert [p.name for p in tmp_path.iterdir()] == ["diary.txt"]


def test_vectors_that_are_not_numbers_never_become_a_flora(
    tmp_path: Path, encoder: Encoder, taxa: list[Taxon], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(texts: list[str]) -> np.ndarray:
        return np.full((len(texts), encoder.width), np.nan, np.float32)

    monkeypatch.setattr(encoder, "encode_text", broken)
    with refuses(FloraError, match="Rosa red: the encoder returns NaN or infinite values"):
        build_flora(tmp_path / "flora", encoder, taxa)


@pytest.mark.parametrize("vectors", [np.zeros((1, 32)), np.zeros(48), np.full((1, 48), np.nan)])
def test_vectors_that_do_not_fit(flora_path: Path, encoder: Encoder, vectors: np.ndarray) -> None:
    with refuses(FloraError, match="cannot be compared"):
        load_flora(flora_path, encoder).answer("", vectors)


def test_texts_for_a_taxon_that_is_not_listed(tmp_path: Path, encoder: Encoder, taxa: list[Taxon]) -> None:
    with refuses(FloraError, match="texts for Rosa mauve"):
        build_flora(tmp_path / "flora", encoder, taxa, texts={"Rosa mauve": ["mauve"]})


def test_a_record_with_an_impossible_taxon_is_named(
    tmp_path: Path, encoder: Encoder, taxa: list[Taxon]
) -> None:
    record = Record("k", FilePart(tmp_path / "a.png"), {"scientificName": "Rosa red", "taxonRank": "clan"})
    with refuses(DataError, match=r"a\.png: Rosa red: .*'clan'"):
        build_flora(tmp_path / "flora", encoder, taxa, [record])


def test_folders_with_odd_names(tmp_path: Path, flora_path: Path, encoder: Encoder) -> None:
    path = shutil.copytree(flora_path, tmp_path / "jardin d'été 100%?#[1]")
    verify_flora(path)
    assert len(load_flora(path, encoder).taxa) == 10


def test_taxa_that_contradict_each_other(tmp_path: Path, encoder: Encoder, taxa: list[Taxon]) -> None:
    lily = dataclasses.replace(taxa[1], family="Liliaceae")
    message = (
        "the genus Rosa is in Rosaceae according to Rosa red, but in Liliaceae according to Rosa green; "
        "correct one of them"
    )
    with refuses(FloraError, match=message):
        build_flora(tmp_path / "flora", encoder, [taxa[0], lily])
    other = dataclasses.replace(taxa[1], genus="Rubus", order="Liliales")
    with refuses(
        FloraError,
        match="the family Rosaceae is in Rosales according to Rosa red, but in Liliales according to",
    ):
        build_flora(tmp_path / "flora", encoder, [taxa[0], other])
    assert not (tmp_path / "flora").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a | {"photo_counts": a["photo_counts"][:-1]}, "does not contain the arrays of 10 taxa"),
        (lambda a: a | {"text_scales": a["text_scales"][:3]}, "does not contain the arrays of 10 taxa"),
        (lambda a: {name: rows for name, rows in a.items() if name != "genera"}, r"taxa\.npz.*damaged"),
    ],
)
def test_arrays_of_other_taxa_are_refused(
    path: Path, encoder: Encoder, change: Callable[[dict], dict], message: str
) -> None:
    file = path / "v000001" / TAXON_ARRAYS
    with np.load(file) as stored:
        arrays = dict(stored)
    np.savez(file, **change(arrays))
    restamp(path)
    with refuses(FloraError, match=message):
        load_flora(path, encoder)
    with refuses(FloraError, match=message):
        verify_flora(path)


@pytest.mark.parametrize("name", ["above", "families", "text_counts", "offsets", "text_scales"])
def test_verify_finds_arrays_that_differ_from_the_catalogue(path: Path, name: str) -> None:
    file = path / "v000001" / TAXON_ARRAYS
    with np.load(file) as stored:
        arrays = dict(stored)
    arrays[name][0] = 1
    np.savez(file, **arrays)
    restamp(path)
    with refuses(FloraError, match=r"taxa\.npz: it does not match the catalogue"):
        verify_flora(path)


@pytest.mark.parametrize("table", ["name_keys", "common_name_keys", "genera", "alphabetical", "taxon_words"])
def test_verify_finds_tables_of_names_that_differ_from_the_taxa(
    path: Path, encoder: Encoder, table: str
) -> None:
    tree = load_flora(path, encoder).tree
    with sqlite3.connect(path / "v000001" / CATALOGUE) as connection:
        write_names(connection, tuple(tree.taxa), tuple(tree.higher))
    restamp(path)
    verify_flora(path)
    with sqlite3.connect(path / "v000001" / CATALOGUE) as connection:
        if table == "taxon_words":
            connection.execute("INSERT INTO taxon_words (rowid, names) VALUES (1, 'rosa')")
        else:
            connection.execute(f"DELETE FROM {table}")
    restamp(path)
    with refuses(FloraError, match=r"catalogue\.db: its tables of names do not match its taxa"):
        verify_flora(path)


def test_a_flora_without_arrays_answers_in_the_same_way(path: Path, encoder: Encoder) -> None:
    with_arrays = load_flora(path, encoder)
    edit_manifest(path, lambda content: content["files"].pop(TAXON_ARRAYS))
    (path / "v000001" / TAXON_ARRAYS).unlink()
    verify_flora(path)
    without = load_flora(path, encoder)
    photo = np.random.default_rng(0).standard_normal((1, 48)).astype(np.float32)
    assert without.answer("", photo) == with_arrays.answer("", photo)
    assert without.tree.nodes == with_arrays.tree.nodes
    assert tuple(with_arrays.taxa) == with_arrays.taxa[:] == without.taxa
    assert with_arrays.taxa[-1] == without.taxa[-1]
