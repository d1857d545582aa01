"""Comparing two encoders on the same photos: what is measured, and on which photos."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from dalip.datasets import Record
from dalip.encoder import Encoder
from dalip.taxonomy import Taxon
from dalip_index import compare_encoders
from dalip_index.store.manifest import HitRates

MEASURED = ("calibration", "test")


def test_only_photos_not_used_for_training_are_measured(
    encoder: Encoder, other_encoder: Encoder, taxa: Sequence[Taxon], records: Sequence[Record]
) -> None:
    known = {taxon.scientific_name: taxon for taxon in taxa}
    learned = [record for record in records if record.split not in MEASURED]
    rows = compare_encoders(encoder, other_encoder, {"roses": records, "learned": learned}, known)
    assert [(row.what, row.by) for row in rows] == [("roses", by) for by in ("text", "photos", "both")]
    for row in rows:
        assert (row.photos, row.classes) == (len(records) - len(learned), len(taxa))
        assert row.lost is not None
        assert row.gained is not None
        changed = (row.gained - row.lost) / row.photos
        assert row.after.top1 - row.before.top1 == pytest.approx(changed)
    for row in compare_encoders(encoder, encoder, {"roses": records}, known):
        assert row.before == row.after
        assert row.before.top1 > 0.8
        assert (row.lost, row.gained) == (0, 0)


def test_captions_measure_retrieval_and_class_names_measure_zero_shot(
    encoder: Encoder, records: Sequence[Record]
) -> None:
    def coloured(record: Record) -> str:
        return str(record.fields["scientificName"]).removeprefix("Rosa ")

    captioned = [replace(r, fields={"captions": [coloured(r)]}) for r in records]
    things = [replace(r, fields={"className": coloured(r)}) for r in records if r.split in MEASURED]
    first, second = compare_encoders(encoder, encoder, {"captions": captioned, "things": things}, {})
    shown = {coloured(record) for record in records if record.split in MEASURED}
    assert (first.by, first.photos, first.classes) == ("captions", len(shown), len(things))
    assert first.before == first.after == HitRates(first.before.top1, first.before.top5)
    assert (first.lost, first.gained) == (None, None)
    assert first.before.top1 > 0.8
    assert (second.what, second.by, second.photos) == ("things", "text", len(things))
