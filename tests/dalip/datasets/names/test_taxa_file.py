"""Taxa files from any spreadsheet program are read; errors are refused or reported by line."""

from pathlib import Path

import pytest
from wording import refuses, said

from dalip.datasets.names.taxa_file import read_names, read_taxa
from dalip.errors import DataError
from dalip.taxonomy import Taxon, VernacularName
from tests.dalip.heard import Heard

ROWS = [
    ["scientificName", "vernacularName", "family"],
    ["Rosa canina", "dog rose", "Rosaceae"],
    ["Viola", "", ""],
]


@pytest.mark.parametrize("separator", [",", "\t", ";", ", "])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_tables_from_every_spreadsheet_program(
    tmp_path: Path, separator: str, ending: str, encoding: str
) -> None:
    path = tmp_path / "taxa.txt"
    trailing = separator.strip(" ") * 2
    lines = [separator.join(row) for row in ROWS] + [trailing, ""]
    path.write_bytes(ending.join(lines).encode(encoding))
    rose, violet = read_taxa(path)
    assert rose == Taxon(
        "Rosa canina", vernacular_names=(VernacularName("dog rose"),), genus="Rosa", family="Rosaceae"
    )
    assert violet == Taxon("Viola", "genus", genus="Viola")


def test_quoted_fields_and_rare_line_separators_stay_whole(tmp_path: Path) -> None:
    path = tmp_path / "taxa.csv"
    path.write_text('scientificName,vernacularName\nRosa canina,"dog rose, briar"\nRosa gallica,a\u2028b\n')
    assert [taxon.vernacular_name for taxon in read_taxa(path)] == ["dog rose, briar", "a\u2028b"]


def test_a_quotation_mark_in_a_tab_separated_table_is_part_of_the_text(tmp_path: Path) -> None:
    """GBIF files separate columns with tabs and quote nothing."""
    path = tmp_path / "Taxon.tsv"
    rows = (
        "scientificName\treferences",
        'Rosa\t"Sp. Pl.": 38',
        'Viola\t"never closed',
        'Iris\t"quoted"',
        "Canna\t",
    )
    path.write_text("\n".join(rows))
    assert [(taxon.scientific_name, taxon.references) for taxon in read_taxa(path)] == [
        ("Rosa", ('"Sp. Pl.": 38',)),
        ("Viola", ('"never closed',)),
        ("Iris", ("quoted",)),
        ("Canna", ()),
    ]


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (b"", "no column `scientificName`"),
        (
            b"name,family\nRosa,Rosaceae\n",
            r"taxa\.csv: there is no column `scientificName` \(columns found: name, family\)",
        ),
        (b"scientificName\n", "contains no taxa"),
        (b"scientificName\nRosa\nViola\nRosa\n", "line 4: Rosa is in the list twice"),
        (b"scientificName\nRosa  canina\nRosa canina\n", "line 3: Rosa canina is in the list twice"),
        (b"scientificName,taxonRank\nRosa,speces\n", "line 2: unknown taxonRank 'speces'"),
        (b"scientificName,family\n,Rosaceae\n", "line 2: the row has no scientificName"),
        (b"scientificName,family\n" + b"x" * 200_000, "line 2: the row is malformed"),
        (b"scientificName\n" + b"x" * 200_000, "line 2: the name 'x+'… has 200,000 characters"),
    ],
)
def test_a_wrong_taxa_file_is_refused_in_one_line(tmp_path: Path, content: bytes, cause: str) -> None:
    path = tmp_path / "taxa.csv"
    path.write_bytes(content)
    with refuses(DataError, match=cause) as caught:
        read_taxa(path)
    assert said(caught.value).startswith(str(path))
    assert "\n" not in said(caught.value)


def test_a_missing_taxa_file(tmp_path: Path) -> None:
    with refuses(DataError, match="no such taxa file"):
        read_taxa(tmp_path / "taxa.csv")
    with refuses(DataError, match="cannot be read"):
        read_taxa(tmp_path)


def test_bad_rows_are_reported_and_the_rest_is_read(tmp_path: Path) -> None:
    path, heard = tmp_path / "taxa.csv", Heard()
    rows = ("scientificName,taxonRank", "Rosa,", "Rosa,", "Viola,clan", "Iris,genus,more", "Acer,genus")
    path.write_text("\n".join(rows))
    assert [taxon.scientific_name for taxon in read_taxa(path, heard.report)] == ["Rosa", "Acer"]
    assert [fault.partition(": ")[0] for fault in heard.faults] == [f"{path}, line {n}" for n in (5, 4, 3)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_one_name_per_line(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes("Rosa  canina # seen\r\n\n# all\nIsoëtes\n".encode(encoding))
    assert list(read_names(path)) == ["Rosa canina", "Isoëtes"]


def test_names_from_a_table(tmp_path: Path) -> None:
    for name, text in (
        ("a.csv", "family;scientificName\nRosaceae;Rosa\n"),
        ("b.txt", "scientificName\nRosa\n"),
    ):
        (tmp_path / name).write_text(text)
        assert list(read_names(tmp_path / name)) == ["Rosa"]
    (tmp_path / "empty.txt").write_text("# nothing\n")
    with refuses(DataError, match=r"empty\.txt: the file contains no names"):
        read_names(tmp_path / "empty.txt")
    with refuses(DataError, match=r"gone\.txt: no such taxa file"):
        read_names(tmp_path / "gone.txt")


def test_authors_without_full_stop_are_split_off_where_the_rank_excludes_a_cultivar(tmp_path: Path) -> None:
    path, heard = tmp_path / "taxa.csv", Heard()
    path.write_text(
        "scientificName,taxonRank\nSilene vulgaris (Moench) Garcke,\nCarex bigelowii Torr. ex Schwein.,\n"
        "Salix pentandra Schrank,species\nCarex nigra subsp. juncea Vahl,subspecies\nQuercus robur Fastigiata,\n"
    )
    found = [
        (taxon.scientific_name, taxon.scientific_name_authorship) for taxon in read_taxa(path, heard.report)
    ]
    assert found == [
        ("Silene vulgaris", "(Moench) Garcke"),
        ("Carex bigelowii", "Torr. ex Schwein."),
        ("Salix pentandra", "Schrank"),
        ("Carex nigra subsp. juncea", "Vahl"),
    ]
    assert heard.faults == []
    assert "Quercus robur Fastigiata" in heard.notes[0]
