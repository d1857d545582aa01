"""NCBI's taxonomy dump as a list of taxa: only green plants, with their classification, synonyms and common names."""

import zipfile
from pathlib import Path

import pytest
from wording import refuses

from dalip.datasets.names.taxa_file import read_taxa
from dalip.errors import DataError
from tests.dalip.heard import Heard

NODES = """\
1 1 no rank
2759 1 superkingdom
33090 2759 kingdom
4751 2759 kingdom
73496 33090 order
26339 73496 family
26378 26339 genus
34205 26378 species
34206 34205 varietas
5000 4751 species
34299 26378 species
"""
NAMES = """\
1 root scientific name
33090 Viridiplantae scientific name
33090 green plants blast name
4751 Fungi scientific name
5000 Amanita muscaria scientific name
73496 Asparagales scientific name
26339 Iridaceae scientific name
26378 Iris scientific name
34205 Iris germanica L., 1753 authority
34205 bearded iris common name
34205 German iris genbank common name
34205 Iris florentina synonym
34205 Iris germanica scientific name
34206 Iris germanica var. nobilis scientific name
34299 Iris sp. BOLD-12 scientific name
"""
KINDS = ("scientific name", "blast name", "authority", "genbank common name", "common name", "synonym")


def dump(folder: Path, nodes: str = NODES) -> Path:
    """Write the dump with its separators; the tables above have the fields separated by single spaces."""
    rows = [line.split(" ", 2) for line in nodes.splitlines()]
    lines = [f"{taxon}\t|\t{parent}\t|\t{rank}\t|\t\t|\t8\t|\n" for taxon, parent, rank in rows]
    names = []
    for line in NAMES.splitlines():
        kind = next(kind for kind in KINDS if line.endswith(kind))
        taxon, name = line.removesuffix(kind).strip().split(" ", 1)
        names.append(f"{taxon}\t|\t{name}\t|\t\t|\t{kind}\t|\n")
    path = folder / "taxdmp.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("nodes.dmp", "".join(lines))
        archive.writestr("names.dmp", "".join(names))
        archive.writestr("readme.txt", "NCBI")
    return path


def test_only_green_plants_are_read(tmp_path: Path) -> None:
    heard = Heard()
    taxa = {taxon.scientific_name: taxon for taxon in read_taxa(dump(tmp_path), heard.report)}
    assert {*taxa} == {"Asparagales", "Iridaceae", "Iris", "Iris germanica", "Iris germanica var. nobilis"}
    iris = taxa["Iris germanica"]
    assert (iris.genus, iris.family, iris.order, iris.taxon_rank) == (
        "Iris",
        "Iridaceae",
        "Asparagales",
        "species",
    )
    assert [name.name for name in iris.vernacular_names] == ["German iris", "bearded iris"]
    assert iris.synonyms == ("Iris florentina",)
    assert taxa["Iris germanica var. nobilis"].taxon_rank == "variety"


@pytest.mark.parametrize("line", ["x 1 genus", "-4 1 genus", "5 999999999999 genus", "99999999999 1 genus"])
def test_a_damaged_dump_is_refused_with_the_line(tmp_path: Path, line: str) -> None:
    with refuses(DataError, match=r"taxdmp\.zip: nodes\.dmp, line 3: .*download taxdmp\.zip again"):
        read_taxa(dump(tmp_path, "1 1 no rank\n33090 1 kingdom\n" + line))


def test_loops_and_missing_parents_do_no_harm(tmp_path: Path) -> None:
    plants = "33090 7 kingdom\n7 33090 clade\n73496 7 order\n"
    taxa = read_taxa(dump(tmp_path, f"{plants}26378 34205 genus\n34205 26378 species"))
    assert [taxon.scientific_name for taxon in taxa] == ["Asparagales"]
