"""Ranks are read in every usual spelling."""

import pytest

from dalip.ranks import RANKS, is_other_rank, read_rank


@pytest.mark.parametrize(
    ("rank", "spellings"),
    [
        ("order", "Ordnung ordo ORDER orden"),
        ("family", "Familie famille fam. FAMILY"),
        ("genus", "Gattung gen. nothogenus genushybrid género GENUS"),
        ("species", "SPECIES sp sp. Art espèce especie nothospecies hybrid Hybride soort 220 es"),
        (
            "subspecies",
            "subsp. ssp ssp. Unterart sous-espèce infraspecies nothosubspecies nothosubsp. Sub-species",
        ),
        ("variety", "varietas var. Varietät variété nothovarietas variedad Botanical_Variety"),
        ("form", "forma f. fo. Form nothoforma"),
        ("cultivar", "cv. cv Sorte CULTIVAR"),
    ],
)
def test_ranks_in_all_spellings(rank: str, spellings: str) -> None:
    assert {word: read_rank(word) for word in spellings.split()} == dict.fromkeys(spellings.split(), rank)
    assert rank in RANKS


@pytest.mark.parametrize(
    "word",
    [
        "tribe",
        "Section",
        "subgenus",
        "kingdom",
        "no rank",
        "unranked",
        "clade",
        "prole",
        "SSGN",
        "species group",
    ],
)
def test_ranks_that_floras_do_not_have(word: str) -> None:
    assert (read_rank(word), is_other_rank(word)) == ("", True)


@pytest.mark.parametrize("word", ["speces", "", "  ", "9999", "s" * 10_000])
def test_what_is_no_rank(word: str) -> None:
    assert (read_rank(word), is_other_rank(word)) == ("", False)
