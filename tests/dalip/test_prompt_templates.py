"""Prompt templates: filled in for taxa of every rank, read from a file, and refused by name where they are wrong."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wording import refuses

from dalip.errors import DataError
from dalip.prompt_templates import BIOCLIP, check_templates, prompts_for, read_templates
from dalip.prompts import name_texts
from dalip.taxonomy import Taxon, VernacularName

ROSE = Taxon("Rosa canina", genus="Rosa", family="Rosaceae", vernacular_names=(VernacularName("Dog rose"),))


def filled(taxon: Taxon, *templates: str, among: int = 1) -> list[str]:
    (texts,) = prompts_for([taxon], templates, among)
    return texts


@pytest.mark.parametrize(
    ("taxon", "text"),
    [
        (ROSE, "Plantae Tracheophyta Magnoliopsida Rosales Rosaceae Rosa canina with common name Dog rose"),
        (
            Taxon("Poa annua subsp. annua", "subspecies", genus="Poa", family="Poaceae"),
            "Plantae Tracheophyta Liliopsida Poales Poaceae Poa annua subsp. annua",
        ),
        (
            Taxon("Rosa × alba", genus="Rosa", family="Rosaceae"),
            "Plantae Tracheophyta Magnoliopsida Rosales Rosaceae Rosa × alba",
        ),
        (Taxon("Pinaceae", "family"), "Plantae Tracheophyta Pinopsida Pinales Pinaceae"),
        (Taxon("Fabales", "order"), "Plantae Tracheophyta Magnoliopsida Fabales"),
        (
            Taxon("Sphagnum", "genus", genus="Sphagnum", family="Sphagnaceae"),
            "Plantae Bryophyta Sphagnopsida Sphagnales Sphagnaceae Sphagnum",
        ),
        (Taxon("Ignota plantarum", genus="Ignota"), "Plantae Ignota plantarum"),
        (
            Taxon("Ignota plantarum", genus="Ignota", order="Poales"),
            "Plantae Tracheophyta Liliopsida Poales Ignota plantarum",
        ),
    ],
    ids=lambda value: value.scientific_name if isinstance(value, Taxon) else "",
)
def test_bioclip_names_a_taxon_by_seven_ranks(taxon: Taxon, text: str) -> None:
    assert filled(taxon, BIOCLIP) == [text]


def test_a_template_without_its_terms_is_left_out() -> None:
    templates = ("{vernacularName}, {scientificName}", "{scientificName}[ of {order}][, a {taxonRank}]")
    assert filled(ROSE, *templates) == ["Dog rose, Rosa canina", "Rosa canina of Rosales, a species"]
    assert filled(Taxon("Ignota"), *templates) == ["Ignota, a species"]
    assert filled(Taxon("Ignota"), templates[0]) == name_texts(Taxon("Ignota")), "no taxon is without a text"
    assert filled(ROSE) == name_texts(ROSE), "without templates, DALIP's own"


def test_many_taxa_get_fewer_texts_each() -> None:
    templates = [f"{number} {{scientificName}}" for number in range(80)]
    sizes = {among: len(filled(ROSE, *templates, among=among)) for among in (1, 62, 1000, 5_000, 450_000)}
    assert sizes == {1: 80, 62: 80, 1000: 5, 5_000: 1, 450_000: 1}
    assert filled(ROSE, *templates, among=450_000) == ["0 Rosa canina"]


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("a photo", "scientificName, specificEpithet or vernacularName"),
        ("{genus}", "scientificName, specificEpithet or vernacularName"),
        ("{name} {scientificName}", "no term 'name'"),
        ("{scientificName!r}", "no term 'scientificName!r'"),
        ("{scientificName", "unmatched brackets"),
        ("{scientificName}]", "unmatched brackets"),
        ("{{scientificName}}", "unmatched brackets"),
        ("[[{scientificName}]]", "unmatched brackets"),
        ("[x] {scientificName}", "nothing to fill in"),
        ("a photo of {}", "nothing to fill in"),
        ("{scientificName}" + "x" * 1000, "1,016 characters"),
    ],
)
def test_a_wrong_template_is_refused_with_its_line(tmp_path: Path, template: str, words: str) -> None:
    path = tmp_path / "prompts.txt"
    path.write_text(f"# mine\n\na photo of {{scientificName}}\n{template}\n")
    with refuses(DataError, match=rf"prompts\.txt, line 4: .*{words}"):
        read_templates(path)


def test_a_file_that_holds_no_template_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "prompts.txt"
    with refuses(DataError, match="cannot be read"):
        read_templates(path)
    path.write_bytes(b"\xff{scientificName}")
    with refuses(DataError, match="not in UTF-8"):
        read_templates(path)
    path.write_text("# nothing\n")
    with refuses(DataError, match="one per line"):
        read_templates(path)
    path.write_text("\ufeff{scientificName}\n{scientificName}\n", encoding="utf-8")
    assert read_templates(path) == ("{scientificName}",)


@given(st.text("[]{}scientificNameorder ", max_size=40))
def test_a_template_that_is_accepted_leaves_no_bracket(template: str) -> None:
    try:
        check_templates([template])
    except DataError:
        return
    assert not {*"[]{}"} & {*"".join(filled(ROSE, template))}
