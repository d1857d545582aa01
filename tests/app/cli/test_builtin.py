"""The built-in encoder and flora, on real photos."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from paths import SHARED_DATA

from dalip.datasets import read_records
from tests.app.conftest import Done

POPPY = "Eschscholzia californica"


@pytest.mark.skipif(not SHARED_DATA.is_dir(), reason="needs the photos in ../shared/data")
def test_california_poppies_are_identified(dalip: Callable[..., Done], tmp_path: Path) -> None:
    shards = sorted(SHARED_DATA.glob("inat-santa-cruz-*.tar"))
    records = [r for r in read_records(*shards) if r.taxon and r.taxon.scientific_name == POPPY]
    photos = [r for r in records if r.split == "test"][:8]
    for record in photos:
        (tmp_path / f"{record.key}.webp").write_bytes(record.read_bytes())
    done = dalip("identify", *sorted(tmp_path.glob("*.webp")), "--json")
    assert done.status == 0, done.err
    answers = [json.loads(line) for line in done.lines]
    best = [answer["predictions"][0]["scientificName"] for answer in answers]
    assert best.count(POPPY) > len(photos) / 2
    assert {
        p["vernacularName"] for a in answers for p in a["predictions"] if p["scientificName"] == POPPY
    } == {"California poppy"}
