"""Plant names: all common spellings are found; ambiguous names and similar names of other plants are not accepted."""

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paths import SHARED_DATA
from wording import refuses

from dalip.datasets import Report
from dalip.datasets.names.checklist import Checklist, read_checklist
from dalip.datasets.names.resolve import read_decisions, resolve_names
from dalip.errors import DataError
from dalip.scientific_name import plain_name, read_name
from dalip.taxonomy import Taxon
from tests.dalip.heard import Heard

REAL = SHARED_DATA / "checklist.tsv.gz"
HEAD = "taxonID,scientificName,taxonRank,family,order,genus,vernacularName,acceptedNameUsageID"
ROWS = f"""{HEAD},scientificNameAuthorship
1,Rosa,genus,Rosaceae,Rosales,Rosa,,,L.
2,Rosa canina,species,Rosaceae,Rosales,Rosa,dog rose|fr:églantier,,L.
19,Rosaceae,family,Rosaceae,Rosales,,,,
3,Rosa × alba,species,Rosaceae,Rosales,Rosa,white rose,,L.
4,Lavandula angustifolia,species,Lamiaceae,Lamiales,Lavandula,lavender,,Mill.
5,Lavandula latifolia,species,Lamiaceae,Lamiales,Lavandula,lavender,,Medik.
6,Lavandula officinalis,species,Lamiaceae,Lamiales,Lavandula,,4,Chaix
7,Acer palmatum var. dissectum,varietas,Sapindaceae,Sapindales,Acer,,,(Thunb.) Miq.
8,Acer palmatum,species,Sapindaceae,Sapindales,Acer,,,Thunb.
9,Aotus,genus,Fabaceae,Fabales,Aotus,,,Sm.
10,Aotus,genus,Moraceae,Rosales,Aotus,,,Other
11,Carex flacca,species,Cyperaceae,Poales,Carex,,,Schreb.
12,Carex flava,species,Cyperaceae,Poales,Carex,,,L.
13,Salvia fruticosa,species,Lamiaceae,Lamiales,Salvia,,,Mill.
14,Rosa canina,species,,,Rosa,,15,Auct.
15,Rosa dumalis,species,Rosaceae,Rosales,Rosa,,,Bechst.
16,Iris sp.,species,Iridaceae,Asparagales,Iris,,,
17,Isoëtes lacustris,species,Isoetaceae,Isoetales,Isoëtes,,,L.
18,Rosa canina subsp. andegavensis,subspecies,Rosaceae,Rosales,Rosa,,,
"""


def read(path: Path, text: str) -> tuple[Checklist, list[str], list[str]]:
    path.write_text(text, encoding="utf-8")
    heard = Heard()
    return read_checklist(path, heard.report), heard.faults, heard.notes


@pytest.fixture(scope="module")
def checklist(tmp_path_factory: pytest.TempPathFactory) -> Checklist:
    found, faults, _ = read(tmp_path_factory.mktemp("names") / "checklist.csv", ROWS)
    assert faults == []
    return found


@pytest.mark.parametrize(
    ("name", "how", "found"),
    [
        ("Rosa canina", "exact", "Rosa canina"),
        ("ROSA CANINA", "exact", "Rosa canina"),
        ("rosa_canina", "exact", "Rosa canina"),
        ("Rosa  Canina", "exact", "Rosa canina"),
        ("Rosa canina L.", "exact", "Rosa canina"),
        ("Rosa canina (L.) Hook. f. ex DC., 1900", "exact", "Rosa canina"),
        ("Rosa canina Auct.", "synonym", "Rosa dumalis"),
        ("Rosa alba", "exact", "Rosa × alba"),
        ("Rosa x alba", "exact", "Rosa × alba"),
        ("Rosa ×alba", "exact", "Rosa × alba"),
        ("Isoetes lacustris", "exact", "Isoëtes lacustris"),
        ("Rosa L.", "exact", "Rosa"),
        ("Acer palmatum Thunb. var. dissectum (Thunb.) Miq.", "exact", "Acer palmatum var. dissectum"),
        ("Acer palmatum dissectum", "exact", "Acer palmatum var. dissectum"),
        ("Rosa canina ssp. andegavensis", "exact", "Rosa canina subsp. andegavensis"),
        ("Lavandula officinalis Chaix", "synonym", "Lavandula angustifolia"),
        ("Dog-Rose", "common name", "Rosa canina"),
        ("eglantier", "common name", "Rosa canina"),
        ("Lavendula angustifolia", "spelling", "Lavandula angustifolia"),
        ("Lavandula angustifola", "spelling", "Lavandula angustifolia"),
        ("Lavandula angustifolius", "spelling", "Lavandula angustifolia"),
        ("Salvia frutticosa", "spelling", "Salvia fruticosa"),
        ("Acer palmatum 'Sango-kaku'", "higher taxon", "Acer palmatum"),
        ("Acer palmatum `Sango-kaku`", "higher taxon", "Acer palmatum"),
        ("Acer palmatum cv. Sango-kaku", "higher taxon", "Acer palmatum"),
        ("Acer palmatum Atropurpureum", "higher taxon", "Acer palmatum"),
        ("Acer palmatum subsp. amoenum", "higher taxon", "Acer palmatum"),
        ("Aotus", "ambiguous", None),
        ("lavender", "ambiguous", None),
        ("Rosacae", "ambiguous", None),  # too short for a fuzzy match
        ("Acer palmatum f. dissectum", "ambiguous", None),  # the checklist has it at another rank
        ("Carex flaca", "unknown", None),  # `flacca` or `flava`; too short
        ("Lavandula angustissima", "unknown", None),
        ("Lavendula angustifolia 'Hidcote'", "ambiguous", None),  # would need two guesses
        ("Iris sp.", "unknown", None),
        ("Rosa canina x Rosa dumalis", "unknown", None),
        ("Quercus robur", "unknown", None),
        ("", "unknown", None),
        ("Rosa\x00canina", "unknown", None),
        ("R" * 10_000_000, "unknown", None),
    ],
)
def test_names_resolve_to_taxa(checklist: Checklist, name: str, how: str, found: str | None) -> None:
    resolution = resolve_names([name], checklist)[name]
    assert (resolution.how, resolution.taxon and resolution.taxon.scientific_name) == (how, found)


def test_possible_meanings_are_listed(checklist: Checklist) -> None:
    names = ["Aotus", "lavender", "Carex flaca", "Lavendula angustifolia 'Hidcote'"]
    found = resolve_names(names, checklist)
    assert [found[name].listed for name in names] == [
        "Aotus (genus, Fabaceae) | Aotus (genus, Moraceae)",
        "Lavandula angustifolia | Lavandula latifolia",
        "Carex flacca | Carex flava",
        "Lavandula angustifolia",
    ]


def test_a_decision_takes_precedence(checklist: Checklist, tmp_path: Path) -> None:
    table = tmp_path / "names.csv"
    table.write_text(
        "given,scientificName,family\n"
        "my lavender,lavandula officinalis,\n"
        "Rosa canina,Rosa dumalis,\n"
        "new one,Nova planta,Novaceae\n"
        "weed,,\n"
        ",Rosa,\n"
        "new one,Rosa,\n"
    )
    heard = Heard()
    decisions = read_decisions(table, heard.report)
    assert [fault.split(": ")[0] for fault in heard.faults] == [f"{table}, line 6", f"{table}, line 7"]
    found = resolve_names(["my lavender", "Rosa canina", "new one", "weed"], checklist, decisions)
    assert {resolution.how for resolution in found.values()} == {"decided"}
    assert [r.taxon and (r.taxon.scientific_name, r.taxon.family) for r in found.values()] == [
        ("Lavandula angustifolia", "Lamiaceae"),
        ("Rosa dumalis", "Rosaceae"),
        ("Nova planta", "Novaceae"),
        None,
    ]
    assert resolve_names(["Nova planta"], None)["Nova planta"].taxon == Taxon("Nova planta", genus="Nova")
    with refuses(DataError, match="these columns are missing: given, scientificName"):
        read_decisions(Path(__file__), heard.report)


def test_decisions_are_read_like_other_tables(checklist: Checklist, tmp_path: Path) -> None:
    table = tmp_path / "names.csv"
    table.write_text(
        "Given;Scientific name;Family\n"
        "my lavender;Lavandula officinalis Mill.;\nnew one;Nova planta L.;Novaceae\nweed;NA;\n"
    )
    decisions = read_decisions(table, Heard().report)
    for names in (checklist, None):
        found = resolve_names(["my lavender", "new one", "weed"], names, decisions)
        lavender, new, weed = (found[name].taxon for name in ("my lavender", "new one", "weed"))
        assert lavender
        assert lavender.scientific_name == f"Lavandula {'angustifolia' if names else 'officinalis'}"
        assert new == Taxon("Nova planta", "species", (), "Nova", "Novaceae", scientific_name_authorship="L.")
        assert weed is None


def test_bad_rows_in_a_checklist_are_reported_and_the_rest_is_used(tmp_path: Path) -> None:
    head = "taxonID,scientificName,taxonRank,parentNameUsageID,acceptedNameUsageID,taxonomicStatus\n"
    rows = [
        "1,Rosales,order,,,",
        "2,Rosaceae,family,1,,",
        "3,Rosa,genus,2,,",
        "4,Rosa canina,species,3,,",  # 5
        "5,Orphana alba,species,99,,",  # 6
        "6,Orphana nigra,species,99,,",
        "7,Circus,genus,8,,",  # 8
        "8,Circaceae,family,9,,",
        "9,Circales,order,7,,",
        "10,Circus albus,species,7,,",
        "11,Rosa oldname,species,,12,synonym",  # 12
        "12,Rosa oldername,species,,11,synonym",
        "13,Rosa lost,species,,77,synonym",  # 14
        "14,Rosa nowhere,species,,,synonym",  # 15
        "15,Rosa chained,species,,16,synonym",
        "16,Rosa link,species,,4,synonym",
        "4,Rosa double,species,3,,",  # 18
        "17,Odd,speces,3,,",  # 19
        "18,Rosoideae,subfamily,2,,",
        f"19,{'R' * 10_000_000},species,3,,",  # 21
        "20,,species,3,,",  # 22
        "21,too,many,columns,in,this,row",  # 23
        "22,Selfia,genus,22,,",  # 24
        '23,"Rosa broken,species,3,,',  # 25
        "24,Rosa last,species,3,,",
    ]
    found, faults, notes = read(tmp_path / "c.csv", head + "\n".join(rows))
    assert all("\n" not in fault and len(fault) < 400 for fault in faults)
    lines = sorted(fault.split(", line ")[1].split(":")[0] for fault in faults)
    assert lines == sorted(["8, 9, 10", "12", "14", "15", "18", "19", "21", "22", "23", "24", "25"])
    assert "refers back to itself through acceptedNameUsageID (similar cases on 1 more line)" in faults[-3]
    assert "'Rosa lost' refers to '77', which is not in the list; correct" in faults[-2]
    assert "'Rosa nowhere' has no accepted name; fill in" in faults[-1]
    assert "line 6: the parentNameUsageID '99' is not a taxonID in the list (similar cases on 1" in notes[-1]
    names = resolve_names(["Rosa canina", "Rosa chained", "Orphana alba", "Circus albus", "Rosa last"], found)
    taxa = [resolution.taxon for resolution in names.values()]
    assert [(t.scientific_name, t.family, t.order) for t in taxa if t] == [
        ("Rosa canina", "Rosaceae", "Rosales"),
        ("Rosa canina", "Rosaceae", "Rosales"),
        ("Orphana alba", "", ""),
        ("Circus albus", "", ""),
        ("Rosa last", "Rosaceae", "Rosales"),
    ]


def test_checklists_that_cannot_be_used(tmp_path: Path) -> None:
    for name, content, cause in (
        ("a.csv", b"name\nRosa\n", "there is no column `scientificName`"),
        ("b.csv", b"scientificName\nIris sp.\n", "contains no taxa that can be used"),
        ("c.gz", gzip.compress(b"scientificName\nRosa\n" * 1000)[:-20], ""),
        ("d.gz", b"\x1f\x8bnot gzip", "contains no taxa that can be used"),
    ):
        (tmp_path / name).write_bytes(content)
        heard = Heard()
        if cause:
            with refuses(DataError, match=cause):
                read_checklist(tmp_path / name, heard.report)
        else:
            assert read_checklist(tmp_path / name, heard.report).names
            assert any("damaged from here on" in fault for fault in heard.faults)
    with refuses(DataError, match=r"gone\.csv: no such taxa file"):
        read_checklist(tmp_path / "gone.csv", heard.report)


words = st.from_regex(r"[a-z]{4,12}", fullmatch=True)


@given(words, words, st.sampled_from(["", " L.", " (L.) Mill.", " Hook. f."]), st.randoms())
def test_spellings_of_a_name_are_equivalent(genus: str, species: str, author: str, chance: object) -> None:
    name = f"{genus.capitalize()} {species}"
    key = f"{genus} {species}"
    ways = [
        name + author,
        name.upper(),
        f" {genus}   {species} ",
        name.replace(" ", "_"),
        f"{genus} × {species}",
    ]
    for way in (*ways, f"{genus.capitalize()} x {species}{author}", f"{genus}\u00a0{species}\u200b"):
        parts = read_name(way)
        if (
            species not in ("hybrid", "cultivar", "complex", "indet", "sect", "subg")
            and parts
            and parts.species
        ):
            assert parts.key == key
            assert parts.certain


@given(st.text())
def test_any_string_can_be_looked_up(text: str) -> None:
    plain = plain_name(text)
    assert plain_name(plain) == plain or "\u0130" in text  # its lowercase form has an accent
    parts = read_name(text)
    assert parts is None or parts.genus


@pytest.fixture(scope="module")
def real() -> Checklist:
    if not REAL.exists():
        pytest.skip("the checklist of the project is not there")
    return read_checklist(REAL, Report())


@pytest.mark.slow  # reads 226,598 rows
def test_the_names_of_garden_plants(real: Checklist) -> None:
    found = resolve_names(
        [
            "Lavendula angustifolia",
            "Salvia nemerosa",
            "Photinia x Fraseri `Red Robin`",
            "Rudbeckia fuldiga var. deamii",
        ],
        real,
    )
    assert [(r.how, r.taxon.scientific_name if r.taxon else r.listed) for r in found.values()] == [
        ("spelling", "Lavandula angustifolia"),
        ("spelling", "Salvia nemorosa"),
        ("higher taxon", "Photinia x fraseri"),
        ("unknown", "Rudbeckia fulgida"),
    ]


def test_only_the_rows_that_name_a_missing_parent_are_counted(tmp_path: Path) -> None:
    rows = "A,Iris germanica,B,\nC,Iris florentina,A,synonym\nD,Iris pallida,A,\n"
    _, _, notes = read(
        tmp_path / "c.csv", "taxonID,scientificName,parentNameUsageID,taxonomicStatus\n" + rows
    )
    (note,) = (note for note in notes if "parentNameUsageID" in note)
    assert "line 2: the parentNameUsageID 'B' is not a taxonID in the list; family" in note
