"""Lists of taxa as people have them: the world's checklists, spreadsheets and text files; one reader takes them all."""

import contextlib
import gzip
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paths import SHARED_DATA
from wording import refuses

from dalip.datasets.names.checklist import read_checklist
from dalip.datasets.names.taxa_file import read_names, read_taxa
from dalip.errors import DataError
from tests.dalip.heard import Heard

WCVP = """\
plant_name_id|taxon_rank|taxon_status|family|genus_hybrid|genus|species_hybrid|species|primary_author|\
place_of_publication|taxon_name|taxon_authors|accepted_plant_name_id
1|Species|Accepted|Iridaceae||Iris||germanica|L.|Sp. Pl.: 38, "2"|Iris germanica|L.|1
2|Species|Synonym|Iridaceae||Iris||florentina|L.|"Syst. Nat., ed. 10|Iris florentina|L.|1
3|Species|Accepted|Violaceae||Viola|×|wittrockiana|Gams|x"|Viola × wittrockiana|Gams|3
4|Genus|Accepted|Cupressaceae|×|Cuprocyparis|||Farjon||× Cuprocyparis|Farjon|4
5|Variety|Accepted|Fagaceae||Quercus||robur|L.||Quercus robur var. robur||5
6|Species|Unplaced|Rosaceae||Rosa||obscura|Mill.||Rosa obscura|Mill.|
7||Accepted|Rosaceae||Rosa||canina|L.||Rosa canina|L.|7
8|Species|Illegitimate|Rosaceae||Rosa||bona|Mill.||Rosa bona|Mill.|7
9|Species|Artificial Hybrid|Salicaceae||Salix|×|rubens|Schrank||Salix × rubens|Schrank|
"""
GBIF = """\
taxonID\tparentNameUsageID\tacceptedNameUsageID\tscientificName\tscientificNameAuthorship\tcanonicalName\ttaxonRank\t\
namePublishedIn\ttaxonomicStatus\tkingdom\torder\tfamily\tgenus
6\t\t\tPlantae\t\tPlantae\tkingdom\t\taccepted\tPlantae\t\t\t
10\t6\t\tIridaceae\t\tIridaceae\tfamily\t\taccepted\tPlantae\tAsparagales\tIridaceae\t
11\t10\t\tIris Tourn. ex L.\tTourn. ex L.\tIris\tgenus\t\taccepted\tPlantae\tAsparagales\tIridaceae\tIris
12\t11\t\tIris germanica L.\tL.\t\tspecies\t"Sp. Pl.": 38\taccepted\tPlantae\tAsparagales\tIridaceae\tIris
13\t11\t12\tIris florentina L.\tL.\t\tspecies\t"Syst. Nat.\theterotypic synonym\tPlantae\t\tIridaceae\tIris
14\t11\t\tIris obscura Mill.\tMill.\tIris obscura\tspecies\tx"\tdoubtful\tPlantae\tAsparagales\tIridaceae\tIris
15\t11\t\tSH1234567.08FU\t\t\tunranked\t\taccepted\tFungi\t\t\t
16\t\t\tApis mellifera L.\tL.\tApis mellifera\tspecies\t\taccepted\tAnimalia\tHymenoptera\tApidae\tApis
"""
COL = """\
col:ID\tcol:parentID\tcol:status\tcol:scientificName\tcol:authorship\tcol:rank
P\t\taccepted\tPlantae\t\tkingdom
O\tP\taccepted\tAsparagales\tLink\torder
F\tO\taccepted\tIridaceae\tJuss.\tfamily
T\tF\taccepted\tIrideae\t\ttribe
G\tT\taccepted\tIris\tL.\tgenus
A\tG\tprovisionally accepted\tIris germanica\tL.\tspecies
C\tA\tsynonym\tIris florentina\tL.\tspecies
D\tA\tambiguous synonym\tIris pallida\tLam.\tspecies
E\tG\tmisapplied\tIris sibirica\tauct.\tspecies
N\t\taccepted\tAnimalia\t\tkingdom
M\tN\taccepted\tApis\tL.\tgenus
"""
WFO = """\
"taxonID"\t"scientificNameID"\t"scientificName"\t"taxonRank"\t"parentNameUsageID"\t"scientificNameAuthorship"\t\
"family"\t"taxonomicStatus"\t"acceptedNameUsageID"\t"taxonRemarks"
"wfo-1"\t"urn:lsid:1"\t"Iris"\t"genus"\t""\t"L."\t"Iridaceae"\t"Accepted"\t""\t""
"wfo-2"\t"urn:lsid:2"\t"Iris germanica"\t"species"\t"wfo-1"\t"L."\t"Iridaceae"\t"Accepted"\t""\t"a ""good"" one,
on two lines"
"wfo-3"\t"urn:lsid:3"\t"Iris florentina"\t"species"\t""\t"L."\t"Iridaceae"\t"Synonym"\t"wfo-2"\t""
"wfo-4"\t"urn:lsid:4"\t"Iris nova"\t"species"\t"wfo-1"\t"X."\t"Iridaceae"\t"Unchecked"\t""\t""
"""
INATURALIST = """\
id,taxonID,parentNameUsageID,kingdom,order,family,genus,specificEpithet,scientificName,taxonRank,references
48151,https://i.example/48151,https://i.example/1,Plantae,Asparagales,Iridaceae,Iris,,Iris,genus,
47604,https://i.example/47604,https://i.example/48151,Plantae,Asparagales,Iridaceae,,,Iris germanica,species,
47605,https://i.example/47605,x,Plantae,Fagales,Fagaceae,Quercus,robur,Quercus robur pedunculiflora,subspecies,
47606,https://i.example/47606,x,Plantae,Malpighiales,Violaceae,Viola,wittrockiana,Viola × wittrockiana,hybrid,
1,https://i.example/9,x,Animalia,Hymenoptera,Apidae,Apis,mellifera,Apis mellifera,species,
"""
USDA = """\
"Symbol","Synonym Symbol","Scientific Name with Author","Common Name","Family"
"IRGE","","Iris germanica L.","German iris","Iridaceae"
"IRGE","IRFL","Iris florentina L.","",""
"""
TAXREF = """\
REGNE\tORDRE\tFAMILLE\tCD_NOM\tCD_SUP\tCD_REF\tRANG\tLB_NOM\tLB_AUTEUR\tNOM_VERN\tNOM_VERN_ENG
Plantae\tAsparagales\tIridaceae\t1\t\t1\tES\tIris germanica\tL., 1753\tIris d'Allemagne\tbearded iris
Plantae\tAsparagales\tIridaceae\t2\t\t1\tES\tIris florentina\tL., 1759\t\t
Plantae\tAsparagales\tIridaceae\t3\t\t3\tSSES\tIris germanica subsp. nobilis\t\t\t
Animalia\t\t\t4\t\t4\tES\tApis mellifera\tL.\t\t
"""
NCBI = """\
Query\tTaxid\tTax name\tAuthority\tRank\tCurator common name\tKingdom name\tOrder name\tFamily name\tGenus name
iris\t34205\tIris germanica\tL.\tSPECIES\tGerman iris\tViridiplantae\tAsparagales\tIridaceae\tIris
"""
IRIS = ("Iris germanica", "species", "Iris", "Iridaceae")


def write(folder: Path, name: str, text: str, encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize(
    ("name", "text", "others", "unused"),
    [
        (
            "wcvp_names.csv",
            WCVP,
            [
                "Viola × wittrockiana",
                "× Cuprocyparis",
                "Quercus robur var. robur",
                "Rosa canina",
                "Salix × rubens",
            ],
            ["1 name is not used: neither accepted"],
        ),
        (
            "Taxon.tsv",
            GBIF,
            ["Iridaceae", "Iris", "Iris obscura"],
            [
                "1 row has a rank that floras do not use (1 kingdom)",
                "2 rows are not used, about animals",
            ],
        ),
        (
            "NameUsage.tsv",
            COL,
            ["Asparagales", "Iridaceae", "Iris"],
            ["(2 kingdom, 1 tribe)", "1 row is not used, about animals"],
        ),
        ("classification.csv", WFO, ["Iris"], ["(1 unchecked)"]),
        (
            "taxa.csv",
            INATURALIST,
            ["Iris", "Quercus robur pedunculiflora", "Viola × wittrockiana"],
            ["1 row is not used, about animals"],
        ),
        ("plantlst.txt", USDA, [], []),
        ("TAXREFv17.txt", TAXREF, ["Iris germanica subsp. nobilis"], ["about animals"]),
        ("taxonomy_summary.tsv", NCBI, [], []),
    ],
)
def test_the_checklists_of_the_world(
    tmp_path: Path, name: str, text: str, others: list[str], unused: list[str]
) -> None:
    """The same file as `--taxa`, as `--checklist` and as `--only`; synonyms resolve, and authors are split off."""
    path, heard = write(tmp_path, name, text), Heard()
    taxa = {taxon.scientific_name: taxon for taxon in read_taxa(path, heard.report)}
    assert set(taxa) == {"Iris germanica", *others}
    iris = taxa["Iris germanica"]
    assert (iris.scientific_name, iris.taxon_rank, iris.genus, iris.family) == IRIS
    assert heard.faults == []
    for part in unused:
        assert any(part in note for note in heard.notes), (part, heard.notes)
    checklist = read_checklist(path, heard.report)
    assert {entry.taxon.scientific_name for entries in checklist.names.values() for entry in entries} == set(
        taxa
    )
    (entry,) = checklist.names["iris germanica"]
    assert entry.author[:2] == ("L." if "L." in text else "")
    if "florentina" in text:
        ((synonym, accepted),) = checklist.synonyms["iris florentina"]
        assert (synonym.author[:2], accepted) == ("L.", iris)
        assert "Iris florentina" in iris.synonyms
        assert not any("because the accepted taxon" in note for note in heard.notes), heard.notes
    assert heard.faults == []
    names = read_names(path, heard.report)
    assert set(names) <= set(taxa)
    assert "Iris germanica" in names
    assert not {"Iris", "Iridaceae", "Asparagales"} & set(names)  # only there as parents


def test_parents_give_family_and_order_also_through_ranks_that_floras_do_not_have(tmp_path: Path) -> None:
    taxa = {taxon.scientific_name: taxon for taxon in read_taxa(write(tmp_path, "NameUsage.tsv", COL))}
    assert [(taxa[n].family, taxa[n].order) for n in ("Iris", "Iris germanica")] == [
        ("Iridaceae", "Asparagales")
    ] * 2


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("scientific_name,common_name,family", "Iris germanica,bearded iris,Iridaceae"),
        ("Scientific Name;Common name;Family", "Iris germanica L.;bearded iris;Iridaceae"),
        ("SCIENTIFICNAME|VERNACULARNAME|FAMILY", "Iris germanica|bearded iris|Iridaceae"),
        ("dwc:scientificName\tdwc:vernacularName\tdwc:family", "Iris germanica\tbearded iris\tIridaceae"),
        (
            "http://rs.tdwg.org/dwc/terms/scientificName,http://rs.tdwg.org/dwc/terms/vernacularName,"
            "http://rs.tdwg.org/dwc/terms/family",
            "Iris germanica,bearded iris,Iridaceae",
        ),
        (
            '"Latin name","Common name, preferred","English name","Family"',
            "Iris germanica,x,bearded iris,Iridaceae",
        ),
        ("sep=;\nscientificName;vernacularName;family", "Iris germanica;bearded iris;Iridaceae"),
        ('"sep=,"\nscientificName,vernacularName,family', "Iris germanica,bearded iris,Iridaceae"),
        ("# flora of my garden\n\ntaxon name;common-name;Familie", "Iris germanica;bearded iris;Iridaceae"),
        ("species,genus,commonName,family", "germanica,Iris,bearded iris,Iridaceae"),
        ("Genus,Specific epithet,common name (en),family", "Iris,germanica,bearded iris,Iridaceae"),
        ("scientificName,vernacularName,language,family", "Iris germanica,bearded iris,eng,Iridaceae"),
        ("Taxon,Rank,vernacularName_en,family", "Iris germanica,Art,bearded iris,Iridaceae"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_headers_separators_and_encodings(
    tmp_path: Path, header: str, row: str, encoding: str, end: str
) -> None:
    path = write(tmp_path, "list.csv", f"{header}\n{row}\n".replace("\n", end), encoding)
    (taxon,) = read_taxa(path)
    assert (taxon.scientific_name, taxon.taxon_rank, taxon.genus, taxon.family) == IRIS
    assert taxon.vernacular_name == "bearded iris"
    assert list(read_names(path)) == ["Iris germanica"]


def test_columns_of_common_names_say_their_language(tmp_path: Path) -> None:
    columns = {
        "vernacularName": "nandina|eng:sacred bamboo",
        "German name": "Himmelsbambus",
        "vernacularName_pt-BR": "avenca",
        "common name (zh-Hans)": "南天竹",
        "nom vernaculaire": "bambou sacré",
        "Swedish": "nandina",
        "es_common_name": "bambú sagrado",
        "name_it": "nandina",
        "name_id": "17",
    }
    path = tmp_path / "list.csv"
    path.write_text(
        f"Latin,{','.join(columns)}\nNandina domestica,{','.join(columns.values())}\n", encoding="utf-8"
    )
    (taxon,) = read_taxa(path)
    assert [(v.name, v.language) for v in taxon.vernacular_names] == [
        ("nandina", "en"),
        ("sacred bamboo", "en"),
        ("Himmelsbambus", "de"),
        ("avenca", "pt"),
        ("南天竹", "zh"),
        ("bambou sacré", "fr"),
        ("nandina", "sv"),
        ("bambú sagrado", "es"),
        ("nandina", "it"),
    ]


def test_a_row_for_each_common_name(tmp_path: Path) -> None:
    rows = (
        "Iris germanica,bearded iris,en",
        "Iris germanica,Schwertlilie,de",
        "Iris germanica,Schwertlilie,de",
    )
    path, heard = (
        write(tmp_path, "v.csv", "\n".join(("scientificName,vernacularName,language", *rows))),
        Heard(),
    )
    (taxon,) = read_taxa(path, heard.report)
    assert [v.name for v in taxon.vernacular_names] == ["bearded iris", "Schwertlilie"]
    assert heard.faults == [f"{path}, line 4: Iris germanica is in the list twice; keep one of the rows"]


def test_a_list_of_synonyms_alone_names_the_accepted_taxa(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "s.tsv",
        "synonym\tacceptedName\nAbacopteris penangiana\tMenisciopsis penangiana (Hook.) Ching\n",
    )
    assert [taxon.scientific_name for taxon in read_taxa(path)] == ["Menisciopsis penangiana"]
    assert list(read_names(path)) == ["Menisciopsis penangiana"]
    ((_, accepted),) = read_checklist(path, Heard().report).synonyms["abacopteris penangiana"]
    assert accepted.scientific_name == "Menisciopsis penangiana"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("authors.txt", b"Iris germanica L.\nHelianthus annuus L., 1753\n"),
        ("quoted.txt", b'"Iris germanica"\n"Helianthus annuus"\n'),
        ("commas.txt", b'"Iris germanica",\n"Helianthus annuus",\n'),
        ("birdnet.txt", b"Iris germanica_bearded iris\nHelianthus annuus_common sunflower\n"),
        ("pybioclip.csv", b"species\nIris germanica\nHelianthus annuus\n"),
        ("headless.csv", b"Iris germanica\nHelianthus annuus\n"),
        ("utf16.txt", "Iris germanica\r\nHelianthus annuus\r\n".encode("utf-16")),
        ("bare-utf16.txt", "Iris germanica\r\nHelianthus annuus\r\n".encode("utf-16-le")),
        ("bullets.txt", "- Iris germanica\n• Helianthus annuus\n".encode()),
        ("numbers.txt", b"1. Iris germanica\n2. Helianthus annuus\n"),
        ("cr.txt", b"Iris germanica\rHelianthus annuus\r"),
        ("packed.txt.gz", gzip.compress(b"Iris germanica # in bed 3\n\nHelianthus annuus\n", mtime=0)),
    ],
)
def test_lists_with_a_name_per_line(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert list(read_names(path)) == ["Iris germanica", "Helianthus annuus"]
    assert [taxon.scientific_name for taxon in read_taxa(path)] == ["Iris germanica", "Helianthus annuus"]
    assert {"iris germanica", "helianthus annuus"} <= set(read_checklist(path, Heard().report).names)


def test_an_archive_with_one_list_is_read_and_others_are_refused(tmp_path: Path) -> None:
    def pack(name: str, **files: str) -> Path:
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            for member, text in files.items():
                archive.writestr(member.replace("_", "."), text)
        return tmp_path / name

    path = pack(
        "wcvp.zip", **{"names_csv": WCVP, "README_txt": "Kew", "distribution_csv": "id|area\n1|Europe\n"}
    )
    assert len(read_taxa(path)) == 6
    pack("gbif.zip", Taxon_tsv=GBIF, TypesAndSpecimen_tsv="taxonID\tscientificName\n1\tIris\n")
    assert len(read_taxa(tmp_path / "gbif.zip", Heard().report)) == 4
    with refuses(DataError, match=r"contains 2 lists of taxa \(a\.csv, b\.csv\); unpack it"):
        read_taxa(pack("two.zip", a_csv=WCVP, b_csv=WCVP))
    with refuses(DataError, match="contains no list of taxa"):
        read_taxa(pack("none.zip", a_txt="x"))
    with refuses(DataError, match="this is a spreadsheet, which cannot be read; save it as CSV"):
        read_taxa(pack("plants.xlsx", **{"xl/workbook_xml": "<x/>"}))
    (tmp_path / "old.xls").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1")
    with refuses(DataError, match="this is a spreadsheet"):
        read_taxa(tmp_path / "old.xls")
    with refuses(DataError, match="one file of NCBI's taxonomy dump"):
        read_taxa(write(tmp_path, "names.dmp", "1\t|\troot\t|\t\t|\tscientific name\t|\n"))


def test_a_packed_list_that_expands_without_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.csv.gz"
    with gzip.open(path, "wb", compresslevel=9) as file:
        file.write(b"scientificName\nRosa\n")
        for _ in range(150):
            file.write(bytes(1_000_000))
    with refuses(DataError, match=r"bomb\.csv\.gz: the file unpacks from \d+ KB to more than 1\d\d MB"):
        read_taxa(path, Heard().report)


def test_odd_rows_are_reported_and_the_others_are_read(tmp_path: Path) -> None:
    rows = [
        "scientificName,scientificName,taxonRank,family",
        "Iris germanica,x,SPECIES,Iridaceae",
        "Rosa\0canina,,species,",  # 3
        "Rosa canina,,species,Rosaceae,more",  # 4
        "Viola,,Gattung",
        "Iris sp.,,species,",
        "Rosa cf. gallica,,species,",
        "Irideae,,Tribus,Iridaceae",
        "Canna,,clan,",  # 9
        "'Salvia nova',,species,",
        f"{'x' * 2_000_000},,,",  # 11
        "Acer,,genus,",
        f"Ilex,,genus,{'x' * 20_000}",  # 13
    ]
    path, heard = write(tmp_path, "odd.csv", "\n".join(rows)), Heard()
    assert [taxon.scientific_name for taxon in read_taxa(path, heard.report)] == [
        "Iris germanica",
        "Viola",
        "Salvia nova",
        "Acer",
    ]
    assert sorted(fault.partition(": ")[0] for fault in heard.faults) == sorted(
        f"{path}, line {number}" for number in (3, 4, 9, 11, 13)
    )
    assert all("\n" not in line and len(line) < 400 for line in (*heard.faults, *heard.notes))
    assert any("the column scientificName occurs twice" in note for note in heard.notes)
    assert any("2 rows are not used" in note and "Iris sp., Rosa cf. gallica" in note for note in heard.notes)


def test_authors_at_the_end_and_in_the_middle_are_split_off(tmp_path: Path) -> None:
    names = (
        "Acer palmatum Thunb. var. dissectum (Thunb.) Miq.",
        "Rosa × alba L.",
        "Rosa (Tourn.) L.",
        "Rosa canina",
    )
    path = write(tmp_path, "authors.csv", "\n".join(("scientificName", *names)))
    entries = [entry for found in read_checklist(path, Heard().report).names.values() for entry in found]
    assert {entry.taxon.scientific_name: entry.author for entry in entries} == {
        "Acer palmatum var. dissectum": "(Thunb.) Miq.",
        "Rosa × alba": "L.",
        "Rosa": "(Tourn.) L.",
        "Rosa canina": "",
    }


@given(
    st.binary(max_size=300),
    st.sampled_from([GBIF, WCVP, WFO, USDA]),
    st.integers(0, 600),
    st.sampled_from("ct"),
)
def test_any_file_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, junk: bytes, text: str, place: int, kind: str
) -> None:
    path = tmp_path_factory.getbasetemp() / f"any.{kind}sv"
    path.write_bytes(text.encode()[:place] + junk + text.encode()[place:])
    heard = Heard()
    for read in (read_taxa, read_checklist, read_names):
        with contextlib.suppress(DataError):
            assert read(path, heard.report)  # type: ignore[operator]
    assert all("\n" not in line and len(line) < 1000 for line in (*heard.faults, *heard.notes))


def test_a_rank_that_is_not_known_is_derived_from_a_name_of_several_words(tmp_path: Path) -> None:
    """No taxon is lost because of how its rank is spelt; of a single word, the rank would be a guess."""
    rows = "Iris germanica,gatunek", "Iris pumila subsp. nova,unranked", "Irisaria,klan", "Clade X,no rank"
    path, heard = write(tmp_path, "r.csv", "\n".join(("scientificName,rank", *rows))), Heard()
    taxa = read_taxa(path, heard.report)
    assert [(taxon.scientific_name, taxon.taxon_rank) for taxon in taxa] == [
        ("Iris germanica", "species"),
        ("Iris pumila subsp. nova", "subspecies"),
    ]
    assert heard.faults == [f"{path}, line 4: unknown taxonRank 'klan'; correct it"]
    assert f"{path}, line 2: unknown taxonRank 'gatunek', so the rank is derived from the name" in heard.notes
    assert any("floras do not use (1 no rank)" in note for note in heard.notes)


def test_lists_written_by_r_and_pandas(tmp_path: Path) -> None:
    """They write NA or nan into empty cells, and identifiers as decimal numbers."""
    rows = (
        "taxonID,scientificName,taxonRank,family,acceptedNameUsageID,vernacularName,vernacularName_de",
        "1,Iris germanica,NA,Iridaceae,NA,NA,NA",
        "2,Iris florentina,species,NA,1.0,NA,nan",
        "3,NA,species,Iridaceae,NA,NA,NA",
    )
    path, heard = write(tmp_path, "r.csv", "\n".join(rows)), Heard()
    (iris,) = read_taxa(path, heard.report)
    assert (iris.scientific_name, iris.taxon_rank, iris.genus, iris.family) == IRIS
    assert iris.vernacular_names == ()
    assert read_checklist(path, heard.report).synonyms["iris florentina"][0][1] == iris
    assert {fault.partition(": ")[2] for fault in heard.faults} == {
        "the row has no scientificName; fill it in"
    }


def test_long_lists_report_their_progress(tmp_path: Path) -> None:
    rows = "\n".join(
        f"Rosa a{'b' * (n % 50)}{'c' * (n // 50 % 50)}{'d' * (n // 2500)}" for n in range(10_100)
    )
    told: list[tuple[str, int, int]] = []
    path = write(tmp_path, "long.csv", f"scientificName\n{rows}\n")
    read_taxa(path, Heard().report, lambda *progress: told.append(progress))
    assert told == [("names", 10_000, 0)]


@pytest.mark.slow  # reads 226,598 rows
def test_no_row_of_the_checklist_is_lost_because_of_its_rank() -> None:
    if not (path := SHARED_DATA / "checklist.tsv.gz").exists():
        pytest.skip("the checklist of the project is not there")
    heard = Heard()
    taxa = read_taxa(path, heard.report)
    assert sum(taxon.taxon_rank == "variety" for taxon in taxa) > 8_600
    assert not any("rank" in line for line in heard.notes + [f for f in heard.faults if "twice" not in f])
