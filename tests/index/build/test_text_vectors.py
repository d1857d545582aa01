"""A killed build of a flora from many names goes on where it stopped: no text is embedded twice."""

import json
import os
import signal
import tempfile
from pathlib import Path

import numpy as np
import pytest
from warm import fork

from dalip.encoder import Encoder
from dalip.taxonomy import Taxon
from dalip_index import build_flora, load_flora, verify_flora
from dalip_index.build import texts
from dalip_index.build.text_vectors import TextVectors
from dalip_index.build.texts import text_evidence
from dalip_index.store.versions import TEXT_VECTORS

TAXA = [
    Taxon(f"Rosa {'x' * (i % 7 + 1)}{i}", genus="Rosa", family="Rosaceae" if i % 2 else "") for i in range(40)
]

# Builds a flora of the taxa, and kills itself before a number of batches has been embedded.
BUILD = """
import json, os, signal, sys
from pathlib import Path
from dalip.encoder import Encoder
from dalip_index import build_flora
from dalip_index.build import texts
from dalip.taxonomy import Taxon

path, bundle, log, last = *map(Path, sys.argv[1:4]), int(sys.argv[4])
texts.KEPT_FROM, texts.AT_ONCE = 1, 8
encode, batches = Encoder.encode_text, 0

def counted(encoder, some):
    global batches
    if batches == last:
        os.kill(os.getpid(), signal.SIGKILL)
    batches += 1
    vectors = encode(encoder, some)
    with log.open("a") as file:
        file.writelines(f"{text}\\n" for text in some)
    return vectors

Encoder.encode_text = counted
build_flora(path, Encoder.load(bundle), [Taxon.from_darwin_core(taxon) for taxon in json.loads(sys.argv[5])])
"""


def test_no_text_is_embedded_twice_by_builds_that_are_killed(
    tmp_path: Path, bundle: Path, encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, log = tmp_path / "flora", tmp_path / "log"
    arguments = [str(each) for each in (path, bundle, log)]
    listed = json.dumps([taxon.to_darwin_core() for taxon in TAXA])
    for last in (0, 1, 2, 3, 2, 1000):
        with tempfile.TemporaryFile("w+") as errors:
            used = ("dalip.encoder", "dalip_index.build.build", "onnxruntime")
            process = fork(BUILD, [*arguments, str(last), listed], os.environ, modules=used, stderr=errors)
            status = process.wait(300)
            errors.seek(0)
            assert status == (0 if last == 1000 else -signal.SIGKILL), errors.read()
    embedded = log.read_text(encoding="utf-8").splitlines()
    assert sorted(embedded) == sorted({e.content for e in text_evidence(TAXA, {}, ())})
    assert not list(path.glob(f"{TEXT_VECTORS}*"))
    verify_flora(path)
    monkeypatch.setattr(texts, "KEPT_FROM", 1)
    build_flora(tmp_path / "at once", encoder, TAXA)
    found, expected = (load_flora(each, encoder).prototypes.text for each in (path, tmp_path / "at once"))
    np.testing.assert_allclose(found[:], expected[:], atol=0.02)  # a number may be rounded to its neighbour


def test_vectors_are_read_again_and_half_a_record_is_ignored(tmp_path: Path, encoder: Encoder) -> None:
    said = ["a rose", "an oak", "a rose", ""]
    first = TextVectors(encoder, tmp_path).embed(said)
    np.testing.assert_allclose(first, encoder.encode_text(said), atol=1e-3)
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    assert len(whole) == 3 * (16 + 2 * encoder.width), "each text once"
    file.write_bytes(whole[:-5])
    again = TextVectors(encoder, tmp_path)
    assert file.stat().st_size == 2 * (16 + 2 * encoder.width)
    np.testing.assert_array_equal(again.embed(said), first)
    assert file.read_bytes() == whole


def test_few_texts_leave_no_file_after_an_error(tmp_path: Path, encoder: Encoder) -> None:
    build_flora(tmp_path / "flora", encoder, TAXA)
    assert not list((tmp_path / "flora").glob(f"{TEXT_VECTORS}*"))
