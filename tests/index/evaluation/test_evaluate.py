import dataclasses
import json
from pathlib import Path

import pytest
from wording import refuses

from dalip.datasets import FilePart, Record
from dalip.encoder import Encoder
from dalip.errors import FloraError
from dalip_index import Flora, evaluate_flora, load_flora


@pytest.fixture
def flora(flora_path: Path, encoder: Encoder) -> Flora:
    return load_flora(flora_path, encoder)


def with_source(record: Record, source: str) -> Record:
    return dataclasses.replace(record, fields={**record.fields, "source": source})


def test_hit_rates_by_source_and_evidence(flora: Flora, records: list[Record]) -> None:
    sources = [with_source(r, "garden" if i % 3 else "meadow") for i, r in enumerate(records)]
    evaluation = evaluate_flora(flora, sources)
    rows = [(a.source, a.evidence, a.photos) for a in evaluation.accuracy]
    assert rows == [
        (source, evidence, photos)
        for source, photos in (("garden", 100), ("meadow", 50), ("all", 150))
        for evidence in ("both", "text", "photos")
    ]
    for a in evaluation.accuracy:
        assert 0.8 <= a.top1 <= a.top5 <= 1
    json.dumps(evaluation.to_dict())


def test_it_agrees_with_identify(flora: Flora, records: list[Record]) -> None:
    answers = list(flora.identify([r.location.path for r in records], top_k=1))
    right = sum(
        a.predictions[0].taxon.scientific_name == r.taxon.scientific_name
        for a, r in zip(answers, records, strict=True)
    )
    evaluation = evaluate_flora(flora, [with_source(r, "garden") for r in records])
    assert len(evaluation.accuracy) == 3
    assert evaluation.accuracy[0].top1 == pytest.approx(right / len(records))


def test_taxa_and_confusions_agree_with_the_hit_rates(flora: Flora, records: list[Record]) -> None:
    wrong = [dataclasses.replace(r, fields={"scientificName": "Rosa red"}) for r in records[:6]]
    assert all(r.taxon and r.taxon.scientific_name == "Rosa black" for r in records[:6])
    named = [with_source(r, "garden") for r in [*wrong, *records[6:60]]]
    found = evaluate_flora(flora, named)
    worst = found.taxa[0]
    assert worst.taxon == "Rosa red"
    assert sum(taxon.photos for taxon in found.taxa) == 60
    rates = [(taxon.top1, taxon.top5) for taxon in found.taxa]
    assert rates == sorted(rates)
    right = sum(round(taxon.top1 * taxon.photos) for taxon in found.taxa)
    assert right == round(found.accuracy[0].top1 * 60) == 60 - sum(c.photos for c in found.confusions)
    first = found.confusions[0]
    assert (first.taxon, first.named) == ("Rosa red", "Rosa black")
    assert first.photos >= 5
    assert found.trust[0].macro_top1 == pytest.approx(sum(t.top1 for t in found.taxa) / len(found.taxa))


def test_search_precision_and_its_best_value(flora: Flora, records: list[Record]) -> None:
    # Two photos of the red rose and all of the blue one, so only one name can have five correct results.
    red = [r for r in records if "red" in r.key][:2]
    blue = [r for r in records if "blue" in r.key]
    search = evaluate_flora(flora, red + blue).search
    assert search is not None
    assert (search.taxa, search.photos) == (2, 17)
    assert search.best_possible == pytest.approx((2 / 5 + 1) / 2)
    assert search.precision_at_5 == search.best_possible


def test_what_cannot_be_used_is_reported(flora: Flora, records: list[Record], tmp_path: Path) -> None:
    broken = dataclasses.replace(records[0], location=FilePart(tmp_path / "absent.png"))
    stranger = dataclasses.replace(records[1], fields={"scientificName": "Bellis perennis"})
    evaluation = evaluate_flora(flora, [broken, stranger, *records[2:5]])
    assert evaluation.other_photos == 1
    assert [photo.source for photo in evaluation.skipped] == [broken.name]
    assert evaluation.accuracy[0].photos == 3
    with refuses(FloraError, match="none of the 2 photos"):
        evaluate_flora(flora, [broken, stranger])
