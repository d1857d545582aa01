"""The taxa in the built-in flora, and the script that makes their list."""

from collections import Counter

import pytest
from paths import SHARED_DATA

from dalip.datasets import read_taxa
from dalip_assets.make_taxa import HAND_MADE, clean_names, make_taxa

TAXA = HAND_MADE.with_name("taxa.csv")


def test_list_is_complete() -> None:
    taxa = read_taxa(TAXA)
    assert len(taxa) == 130
    for taxon in taxa:
        assert taxon.vernacular_name, taxon
        assert taxon.genus, taxon
        assert taxon.family.endswith("aceae"), taxon
        assert taxon.order.endswith("ales"), taxon
        assert taxon.references[0].startswith("https://en.wikipedia.org/wiki/"), taxon
        assert (taxon.taxon_rank == "genus") == (taxon.genus == taxon.scientific_name), taxon


def test_preferred_names_are_unique() -> None:
    counts = Counter(taxon.vernacular_name.lower() for taxon in read_taxa(TAXA))
    assert not [name for name, count in counts.items() if count > 1]


def test_manually_added_names_belong_to_listed_taxa() -> None:
    listed = {taxon.scientific_name for taxon in read_taxa(TAXA)}
    assert {taxon.scientific_name for taxon in read_taxa(HAND_MADE)} <= listed


def test_names_are_cleaned() -> None:
    names = [
        "desert-rose",
        "Desert rose",
        " toad lilies. ",
        "toad lily",
        "",
        "Iris × germanica",
        "Adenium obesum",
    ]
    assert clean_names([*names, "buttercups", "buttercup"], "Adenium obesum") == [
        "Desert rose",
        "toad lilies",
        "toad lily",
        "buttercups",
    ]


def test_list_equals_the_output_of_the_script() -> None:
    shards = [
        *sorted(SHARED_DATA.glob("inat-santa-cruz-*.tar")),
        *sorted(SHARED_DATA.glob("oxford-flowers-*.tar")),
    ]
    if not shards:
        pytest.skip("the photographs of ../shared/data are not there")
    rows = make_taxa(shards, SHARED_DATA / "checklist.tsv.gz", SHARED_DATA / "descriptions.jsonl.gz")
    stored = [taxon.to_darwin_core() for taxon in read_taxa(TAXA)]
    assert [{k: v for k, v in row.items() if v} for row in rows] == [
        {k: v for k, v in r.items() if v} for r in stored
    ]
