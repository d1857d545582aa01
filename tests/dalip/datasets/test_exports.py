"""Exports of iNaturalist and GBIF: what is no plant, doubtful or of another rank is left out, and listed."""

from pathlib import Path

import pytest
from paths import SHARED_DATA
from wording import refuses

from dalip.datasets.locate import split_media
from dalip.datasets.photo_location import WebPhoto
from dalip.errors import DataError
from tests.dalip.heard import PHOTO, Heard, write, write_zip

RANKS = [
    "kingdom",
    "class",
    "order",
    "family",
    "tribe",
    "genus",
    "species",
    "hybrid",
    "subspecies",
    "variety",
]
LILY = ["Plantae", "Liliopsida", "Asparagales", "Iridaceae", "Irideae", "Iris"]
INATURALIST = {
    # the taxon: its cells in the columns of the ranks
    "Iris germanica": [*LILY, "Iris germanica"],
    "Iris × germanica": [*LILY, "", "Iris × germanica"],
    "Iris germanica florentina": [*LILY, "Iris germanica", "", "Iris germanica florentina"],
    "Iris": LILY,
    "Iridaceae": LILY[:4],
    "Asparagales": LILY[:3],
    "Irideae": LILY[:5],
    "Liliopsida": LILY[:2],
    "Limniris": LILY,  # a subgenus
    "Iris sibirica": LILY,  # a complex
    "Apis mellifera": ["Animalia", "Insecta", "", "", "", "Apis", "Apis mellifera"],
}
USED = {
    "Iris germanica": "species",
    "Iris × germanica": "species",
    "Iris germanica florentina": "subspecies",
    "Iris": "genus",
    "Iridaceae": "family",
    "Asparagales": "order",
}


def inaturalist(rows: dict[str, list[str]], first: int = 1, ranks: list[str] = RANKS) -> str:
    header = [
        "scientific_name",
        "image_url",
        *(f"taxon_{rank}_name" for rank in ranks),
        "iconic_taxon_name",
        "id",
    ]
    lines = [",".join(header)]
    for number, (name, cells) in enumerate(rows.items(), first):
        address = f"https://static.example.org/photos/{9000 + number}/medium.jpeg?{number}"
        iconic = "Insecta" if "Apis" in name else "Plantae"
        lines.append(",".join([name, address, *(cells + [""] * 20)[: len(ranks)], iconic, str(number)]))
    return "\n".join(lines) + "\n"


def test_ranks_of_an_inaturalist_export(tmp_path: Path) -> None:
    """The export has its columns in another order than usual, and its photos in a folder next to it."""
    files = {"a/observations-1.csv": inaturalist(INATURALIST), "a/fetched/9002.jpg": PHOTO}
    files["a/observations-2.csv"] = inaturalist({"Iris foetidissima": [*LILY, "Iris foetidissima"]}, first=50)
    write(tmp_path, files)
    heard = Heard()
    found = heard.read(tmp_path / "a")
    taxa = {str(r.fields["scientificName"]): r.fields["taxonRank"] for r in found.values()}
    assert taxa == USED | {"Iris foetidissima": "species"}
    assert all(record.taxon and record.taxon.taxon_rank in USED.values() for record in found.values())
    assert [fault.partition(": ")[2].partition(";")[0] for fault in heard.faults] == [
        "Irideae has a rank that floras do not use (tribe)",
        "Liliopsida has a rank that floras do not use (class)",
        "Limniris has a rank that floras do not use (?)",
        "Iris sibirica has a rank that floras do not use (?)",
        "Apis mellifera is not a plant (kingdom: Insecta)",
    ]
    on_disk = [key for key, record in found.items() if not isinstance(record.location, WebPhoto)]
    assert on_disk == ["inaturalist-2-9002"]
    zipped = write_zip(tmp_path / "observations-1.csv.zip", {"observations-1.csv": inaturalist(INATURALIST)})
    assert len(heard.read(zipped)) == len(USED)


def test_an_inaturalist_export_without_the_columns_of_ranks(tmp_path: Path) -> None:
    write(tmp_path, {"o.csv": inaturalist({"Iris": [], "Iris germanica": []}, ranks=[])})
    heard = Heard()
    ranks = [record.taxon and record.taxon.taxon_rank for record in heard.read(tmp_path / "o.csv").values()]
    assert (ranks, heard.faults) == (["genus", "species"], [])


def test_several_photos_in_one_cell(tmp_path: Path) -> None:
    photos = "https://example.org/photos/1/a.jpg | https://example.org/photos/2/b.jpg"
    write(tmp_path, {"o.csv": f"id,image_url,scientific_name\n7,{photos},Iris\n8,,Iris\n"})
    heard = Heard()
    found = heard.read(tmp_path / "o.csv")
    assert [*found] == ["inaturalist-7-1", "inaturalist-7-2"]
    assert len({record.observation for record in found.values()}) == 1
    assert "observation 8 has no image_url" in heard.faults[0]


TERMS = [
    *("gbifID", "kingdom", "scientificName", "acceptedScientificName", "species", "taxonRank", "genus"),
    *("identificationQualifier", "verbatimScientificName", "occurrenceStatus", "basisOfRecord"),
]
GBIF = [
    "1|Plantae|Iris germanica L.|Iris germanica L.|Iris germanica|SPECIES|Iris||Iris germanica|PRESENT|FOSSIL_SPECIMEN",
    "2|Plantae|Iris germanica||||Iris|s.str.|||",
    "3||Canna L.|Canna L.||GENUS|Canna||||",
    "4|Plantae|Aster novae-angliae L.|Symphyotrichum novae-angliae (L.) G.L.Nesom|Symphyotrichum novae-angliae|SPECIES"
    "|Symphyotrichum||||",
    "5|Animalia|Apis mellifera L.|||SPECIES|Apis||||",
    "6|Plantae|Iris germanica L.|||SPECIES|Iris|cf.|||",
    "7|Plantae|Iris L.|||GENUS|Iris||Iris cf. germanica||",
    "8|Plantae|Iris germanica L.|||SPECIES|Iris|||ABSENT|",
    "9|Plantae|Magnoliopsida|||CLASS|||||",
    "10|Plantae|BOLD:AAA1234|||UNRANKED|||||",
    "11|Plantae|Iris pumila L.|||UNRANKED|Iris||||",
]
META = """<?xml version="1.0" encoding="utf-8"?>
<archive xmlns="http://rs.tdwg.org/dwc/text/"><core {form} ignoreHeaderLines="{skip}"
 rowType="http://rs.tdwg.org/dwc/terms/Occurrence"><files><location>{file}</location></files>{id}{fields}</core>
{extensions}</archive>"""
FORM = 'encoding="UTF-8" fieldsTerminatedBy="\\t" linesTerminatedBy="\\n" fieldsEnclosedBy=""'
EXTENSION = f"""<extension {FORM} ignoreHeaderLines="1" rowType="http://rs.gbif.org/terms/1.0/%s"><files><location>%s
</location></files><coreid index="0"/>%s</extension>"""


def fields_of(terms: list[str]) -> str:
    lines = (
        f'<field index="{n}" term="http://rs.tdwg.org/dwc/terms/{term}"/>' for n, term in enumerate(terms)
    )
    return "".join(lines)


def table(terms: list[str], rows: list[str]) -> str:
    return "\n".join(["\t".join(terms), *(row.replace("|", "\t") for row in rows)]) + "\n"


def archive(
    terms: list[str],
    rows: list[str],
    form: str = FORM,
    skip: str = "1",
    file: str = "occurrence.txt",
    id: str = '<id index="0"/>',
    extensions: str = "",
) -> dict[str, bytes | str]:
    meta = META.format(form=form, skip=skip, file=file, id=id, fields=fields_of(terms), extensions=extensions)
    return {"meta.xml": meta, "occurrence.txt": table(terms, rows)}


MEDIA = ["coreid", "type", "format", "identifier", "references"]


def test_a_gbif_download(tmp_path: Path) -> None:
    photos = [
        f"{n}|StillImage|image/jpeg|https://example.org/{n}.jpg|https://example.org/{n}" for n in range(1, 12)
    ]
    extensions = "".join(
        EXTENSION % part
        for part in (
            ("Multimedia", "multimedia.txt", fields_of(MEDIA)),
            ("Occurrence", "verbatim.txt", ""),
            ("Unknown", "gone.txt", ""),
        )
    ).replace("terms/1.0/Occurrence", "terms/Occurrence")
    files = archive(TERMS, GBIF, extensions=extensions) | {"multimedia.txt": table(MEDIA, photos)}
    heard = Heard()
    found = heard.read(write_zip(tmp_path / "g.zip", files))
    taxa = [(r.fields["scientificName"], r.taxon and r.taxon.taxon_rank) for r in found.values()]
    assert taxa == [
        ("Iris germanica", "species"),
        ("Iris germanica", "species"),
        ("Canna", "genus"),
        ("Symphyotrichum novae-angliae", "species"),
        ("Iris pumila", "species"),
    ]
    first, _, _, aster, _ = found.values()
    assert (first.fields["basisOfRecord"], first.fields["scientificNameAuthorship"]) == (
        "FOSSIL_SPECIMEN",
        "L.",
    )
    assert aster.fields["verbatimIdentification"] == "Aster novae-angliae L."
    assert [fault.partition(": ")[2].partition(";")[0] for fault in heard.faults] == [
        "Apis mellifera L. is not a plant (kingdom: Animalia)",
        "the identification as Iris germanica L. is doubtful (cf.)",
        "the identification as Iris L. is doubtful (Iris cf. germanica)",
        "the row says that Iris germanica L. was not there (occurrenceStatus is absent)",
        "Magnoliopsida has a rank that floras do not use (CLASS)",
        "BOLD:AAA1234 has a rank that floras do not use (UNRANKED)",
    ]
    assert heard.notes == [
        f"{tmp_path}/g.zip: 1 table without photos or names not used (unknown)",
        *heard.notes[1:],
    ]
    assert all("no licence" in note for note in heard.notes[1:])


def test_which_address_of_a_media_row_is_the_photo(tmp_path: Path) -> None:
    rows = [
        "1|StillImage|image/jpeg|https://example.org/view/1|https://example.org/1.jpg?size=l",
        "1|StillImage|image/jpeg||https://example.org/2.jpg",
        "1|||https://example.org/get?id=3|https://example.org/page/3",
        "1|StillImage|image/jpeg||https://example.org/page/4",
        "1|Sound|audio/mpeg|https://example.org/5.mp3|",
        "1|MovingImage||https://example.org/6.mp4|",
        "1|StillImage||https://example.org/get?id=3|",
    ]
    extension = EXTENSION % ("Multimedia", "media.txt", fields_of(MEDIA))
    files = archive(["id", "scientificName"], ["1|Iris"], extensions=extension) | {
        "media.txt": table(MEDIA, rows)
    }
    heard = Heard()
    found = heard.read(write(tmp_path / "a", files))
    assert [(r.location.named(""), r.fields.get("references", "")) for r in found.values()] == [
        ("https://example.org/1.jpg?size=l", "https://example.org/view/1"),
        ("https://example.org/2.jpg", ""),
        ("https://example.org/get?id=3", "https://example.org/page/3"),
    ]
    assert [fault.partition(": ")[2][:35] for fault in heard.faults] == [
        "'https://example.org/get?id=3' is a",
        "the row does not specify a photo; f",
    ]
    assert "2 media items are not photos (1 MovingImage, 1 audio/mpeg)" in heard.notes[0]


@pytest.mark.parametrize(
    ("told", "photos"),
    [
        ("a.jpg | b.jpg", ["a.jpg", "b.jpg"]),
        ("a.jpg, b.jpg", ["a.jpg", "b.jpg"]),
        ("a.jpg;b.jpg", ["a.jpg", "b.jpg"]),
        ("img/a.jpg,img/b.jpg;", ["img/a.jpg", "img/b.jpg"]),
        ("Rosa,red.jpg", ["Rosa,red.jpg"]),
        (
            "https://e.org/i;s=1?f=a,b|https://e.org/b.jpg",
            ["https://e.org/i;s=1?f=a,b", "https://e.org/b.jpg"],
        ),
        (
            "https://e.org/get?x=1;2.jpg, https://e.org/2.jpg",
            ["https://e.org/get?x=1;2.jpg", "https://e.org/2.jpg"],
        ),
        ("https://e.org/a.jpg;https://e.org/b.jpg", ["https://e.org/a.jpg", "https://e.org/b.jpg"]),
        ("https://e.org/a.jpg https://e.org/b.jpg", ["https://e.org/a.jpg", "https://e.org/b.jpg"]),
        ("https://e.org/full/1,2,/0/a.jpg", ["https://e.org/full/1,2,/0/a.jpg"]),
        (" | ", []),
    ],
)
def test_lists_of_photos(told: str, photos: list[str]) -> None:
    assert split_media(told) == photos


PHOTOS = {"img/a.jpg": PHOTO, "img/b.jpg": PHOTO}


@pytest.mark.parametrize(
    "files",
    [
        archive(["id", "scientificName", "associatedMedia"], ["1|Iris|img/a.jpg; img/b.jpg"]),
        archive(
            ["id", "scientificName", "associatedMedia"],
            ["1|Iris|img/a.jpg; img/b.jpg"],
            # A real tab, which XML turns into a space, a header that is not counted, and a path.
            form='fieldsTerminatedBy="\t" linesTerminatedBy="\n" fieldsEnclosedBy=""',
            skip="0",
            file="./occurrence.txt",
        ),
        archive(["id", "scientificName", "associatedMedia"], ["1|Iris|img/a.jpg; img/b.jpg"], id=""),
        {
            "occurrence.txt": table(
                ["occurrenceID", "scientificName", "associatedMedia"], ["1|Iris|img/a.jpg; img/b.jpg"]
            )
        },
        {"o.csv": "dwc:occurrenceID,dwc:scientificName,dwc:associatedMedia\n1,Iris,img/a.jpg; img/b.jpg\n"},
        {
            "occurrence.txt": table(["gbifID", "scientificName"], ["1|Iris"]),
            "multimedia.txt": table(["gbifID", "identifier"], ["1|img/a.jpg", "1|img/b.jpg"]),
        },
        {"x/occurrence.txt": "scientificName\tassociatedMedia\nIris\tx/img/a.jpg;x/img/b.jpg\n"},
    ],
)
def test_archives_with_and_without_a_description(tmp_path: Path, files: dict[str, bytes | str]) -> None:
    """Nothing is a plant named `img`."""
    below = "x/" if any(name.startswith("x/") for name in files) else ""
    whole = files | {below + name: content for name, content in PHOTOS.items()} | {below + "img/c.jpg": PHOTO}
    sources = [write_zip(tmp_path / "a.zip", whole)] + ([] if below else [write(tmp_path / "a", whole)])
    for source in sources:
        heard = Heard()
        records = heard.read(source).values()
        assert [record.fields["scientificName"] for record in records] == ["Iris"] * 2
        assert heard.faults == []
        assert heard.notes[-1] == f"{source}: 1 photo is not used, because no row that is used names it"


def test_descriptions_in_other_encodings(tmp_path: Path) -> None:
    files = archive(["id", "scientificName", "associatedMedia"], ["1|Iris|img/a.jpg"])
    meta = str(files["meta.xml"])
    for number, content in enumerate(
        (
            b"\xef\xbb\xbf" + meta.encode(),
            b"\n " + meta.encode(),
            meta.replace("utf-8", "utf-16").encode("utf-16"),
        )
    ):
        folder = write(tmp_path / str(number), {**files, **PHOTOS, "meta.xml": content})
        assert len(Heard().read(folder)) == 1


def test_a_name_in_parts_is_put_together(tmp_path: Path) -> None:
    terms = ["id", "genus", "specificEpithet", "infraspecificEpithet", "taxonRank", "associatedMedia"]
    rows = ["1|Rosa|canina||species|img/a.jpg", "2|Rosa|canina|canina|subspecies|img/b.jpg"]
    source = write_zip(
        tmp_path / "a.zip",
        archive(terms, [*rows, "3|Rosa|||genus|img/c.jpg"]) | {f"img/{x}.jpg": PHOTO for x in "abc"},
    )
    named = [record.fields["scientificName"] for record in Heard().read(source).values()]
    assert named == ["Rosa canina", "Rosa canina canina", "Rosa"]


def test_an_organism_of_another_kingdom_is_left_out_of_a_table(tmp_path: Path) -> None:
    text = "file,scientificName,Kingdom\na.jpg,Amanita muscaria,Fungi\nb.jpg,Rosa canina,Plantae\n"
    heard = Heard()
    records = heard.read(write(tmp_path / "a", {"t.csv": text, "a.jpg": PHOTO, "b.jpg": PHOTO}))
    assert [record.fields["scientificName"] for record in records.values()] == ["Rosa canina"]
    assert "line 2: Amanita muscaria is not a plant (kingdom: Fungi)" in heard.faults[0]


def test_a_simple_gbif_download_has_no_photos(tmp_path: Path) -> None:
    write(
        tmp_path, {"0001.csv": "gbifID\tdatasetKey\tscientificName\tmediaType\n1\tx\tIris L.\tStillImage\n"}
    )
    for source in (tmp_path / "0001.csv", tmp_path):
        with refuses(DataError, match="this GBIF download has no photos; .* as a Darwin Core Archive"):
            Heard().read(source)


def test_a_folder_of_photos_is_not_a_plant(tmp_path: Path) -> None:
    files = {
        "images/1.jpg": PHOTO,
        "train/Rosa_canina/2.jpg": PHOTO,
        "photos/Viola/3.jpg": PHOTO,
        "Iris/img/4.jpg": PHOTO,
    }
    for source in (write(tmp_path / "a", files), write_zip(tmp_path / "a.zip", files)):
        heard = Heard()
        assert {key: record.fields["scientificName"] for key, record in heard.read(source).items()} == {
            "train/Rosa_canina/2.jpg": "Rosa canina",
            "photos/Viola/3.jpg": "Viola",
            "Iris/img/4.jpg": "Iris",
        }
        assert "images/1.jpg: the photo is not in a plant folder" in heard.faults[0]


CASES = SHARED_DATA.parent / "cases"


@pytest.mark.skipif(not CASES.is_dir(), reason="../shared/cases is not there")
def test_the_shared_exports() -> None:
    heard = Heard()
    found = heard.read(CASES / "inat")
    ranks = {key: record.fields.get("taxonRank") for key, record in found.items()}
    assert ranks == {
        "inaturalist-1001-2001": "species",
        "inaturalist-1002-2002": "family",
        "inaturalist-1005-2005": "subspecies",
        "inaturalist-1006-2006": None,
    }
    assert len(heard.faults) == 2
    assert len(Heard().read(CASES / "dwca/assoc.zip")) == 8
    assert {r.fields["scientificName"] for r in Heard().read(CASES / "dwca/gbif.zip").values()} == {
        "Iris germanica",
        "Canna",
        "Dahlia pinnata",
    }
    assert [r.fields["scientificName"] for r in Heard().read(CASES / "dwca/nometa.zip").values()] == [
        "Iris germanica"
    ]
    with refuses(DataError, match="ignoreHeaderLines is 9+, more than the limit"):
        Heard().read(CASES / "dwca/skip-huge.zip")
