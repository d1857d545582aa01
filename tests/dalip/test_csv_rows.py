"""CSV: rows stay rows, and a spreadsheet runs no cell."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paths import ROOT

from dalip.csv_rows import csv_row, unguarded
from dalip.datasets.report import Report
from dalip.datasets.tables import read_table

texts = st.text(st.characters(exclude_categories=["Cs"])) | st.text("'=+-@\t\r\n 1.5e,;\"\0\ufeff\uff1d")


def read_back(row: str) -> list[str]:
    (cells,) = csv.reader(io.StringIO(row, newline=""))
    return cells


@given(st.lists(texts, min_size=2))
def test_every_text_can_be_read_back(cells: list[str]) -> None:
    assert read_back(csv_row(cells, guard=False, one_line=False)) == cells
    guarded = read_back(csv_row(cells, one_line=False))
    assert [unguarded(cell) for cell in guarded] == cells
    for cell in guarded:
        assert cell[:1] not in ("\t", "\r", "\n")
        start = cell.lstrip()
        assert not start.startswith(("=", "@", "\uff1d")), "a spreadsheet would run it"
        assert not start.startswith(("+", "-")) or float(start) is not None, "only numbers start so"


@given(st.lists(st.text(), min_size=2))
def test_a_row_is_one_line_whatever_a_file_is_called(cells: list[str]) -> None:
    row = csv_row(cells)
    assert len(f"{row}.".splitlines()) == 1
    row.encode()
    assert len(read_back(row)) == len(cells)


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("Rosa red", "Rosa red"),
        (-122.5, "-122.5"),
        ("-122.5", "-122.5"),
        ("+4e-3", "+4e-3"),
        (None, ""),
        (True, "True"),
        ("=1+1", "'=1+1"),
        ("@SUM(1)", "'@SUM(1)"),
        ("-2+3", "'-2+3"),
        ("+Laburnocytisus adamii", "'+Laburnocytisus adamii"),
        ("'=1", "''=1"),
        ("'Peace'", "'Peace'"),
        ("\uff1d1+1", "'\uff1d1+1"),
        ('a, "b"', '"a, ""b"""'),
        ("a\nb\udcff\x07.jpg", "a\\nb\\udcff\\x07.jpg"),
        (" a", '" a"'),
    ],
)
def test_cells(cell: object, written: str) -> None:
    assert csv_row([cell]) == written


def test_the_reader_of_tables_undoes_the_apostrophe() -> None:
    text = f"scientificName,photos\n{csv_row(['+Laburnocytisus adamii', 3])}\n"
    table = read_table(io.BytesIO(text.encode()), "taxa.csv", Report())
    assert [row for _, row in table.rows] == [{"scientificName": "+Laburnocytisus adamii", "photos": "3"}]


def test_every_csv_is_written_here() -> None:
    """Except the list of the built-in flora, whose package may not import this one."""
    written = [
        path.name
        for package in ("dalip", "index/dalip_index", "app/dalip_app")
        for path in (ROOT / package).rglob("*.py")
        if any(
            word in path.read_text(encoding="utf-8") for word in ("csv.writer", "DictWriter", '"\\t".join')
        )
    ]
    assert written == []
