"""iNaturalist exports and Darwin Core Archives are read with their credits, and bad rows are reported."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from wording import refuses, said

from dalip.datasets.photo_location import FilePart, WebPhoto, ZipMember
from dalip.errors import DataError
from dalip_index import Journal, Observation, export_journal
from tests.dalip.heard import PHOTO, Heard, write, write_zip


@pytest.fixture
def heard() -> Heard:
    return Heard()


INATURALIST = (
    "id,observed_on,user_login,user_name,license,url,image_url,description,latitude,longitude,scientific_name,"
    "common_name,taxon_id\n"
)


def test_an_inaturalist_export(tmp_path: Path, heard: Heard) -> None:
    photo = "https://inaturalist-open-data.s3.amazonaws.com/photos/{}/medium.jpeg"
    text = INATURALIST + (
        f'7,2024-05-01,ada,Ada L.,CC-BY-NC,https://www.inaturalist.org/observations/7,{photo.format(70)},"two\n'
        'lines, and a comma",36.9,-122.0,Eschscholzia californica,California poppy,48225\n'
        f"7,2024-05-01,ada,,CC0,,{photo.format(71)},,,,Eschscholzia californica,,\n"
        f"8,,bob,,,,{photo.format(80)},,1,2,Lupinus,,\n"
        "9,,bob,,,,,,1,2,Lupinus,,\n"
        f"x,,bob,,,,{photo.format(90)},,1,2,Lupinus,,\n"
        f"10,,bob,,,,ftp://example.org/1.jpg,,1,2,Lupinus,,\n"
    )
    write(tmp_path, {"observations-1.csv": text, "photos/80.jpg": PHOTO})
    found = heard.read(tmp_path / "observations-1.csv", photos=tmp_path / "photos")
    assert list(found) == ["inaturalist-7-70", "inaturalist-7-71", "inaturalist-8-80"]
    first, second, third = found.values()
    assert first.location == WebPhoto(photo.format(70))
    assert first.observation == second.observation == "https://www.inaturalist.org/observations/7"
    assert first.fields == {
        "scientificName": "Eschscholzia californica",
        "vernacularName": "California poppy",
        "eventDate": "2024-05-01",
        "rightsHolder": "Ada L.",
        "license": "https://creativecommons.org/licenses/by-nc/4.0/",
        "references": "https://www.inaturalist.org/observations/7",
        "source": "iNaturalist",
    }
    assert second.fields["rightsHolder"] == "ada"
    assert third.location == FilePart(tmp_path / "photos/80.jpg")
    assert "36.9" not in json.dumps([dict(record.fields) for record in found.values()])
    assert [line.split(", line ")[1][:20] for line in heard.faults] == [
        "6: observation 9 has",
        "7: 'x' is not an obs",
        "8: 'ftp://example.or",
    ]
    zipped = write_zip(tmp_path / "observations-1.csv.zip", {"observations-1.csv": text})
    assert list(heard.read(zipped)) == list(found)


META = """<?xml version="1.0"?>
<archive xmlns="http://rs.tdwg.org/dwc/text/" metadata="eml.xml">
 <core encoding="UTF-8" fieldsTerminatedBy="\\t" linesTerminatedBy="\\n" fieldsEnclosedBy="" ignoreHeaderLines="1"
   rowType="http://rs.tdwg.org/dwc/terms/{core}">
  <files><location>core.txt</location></files><id index="0"/>
  <field index="1" term="http://rs.tdwg.org/dwc/terms/scientificName"/>
  <field index="2" term="http://rs.tdwg.org/dwc/terms/taxonRank"/>
  <field index="3" term="http://rs.tdwg.org/dwc/terms/decimalLatitude"/>
  <field index="4" term="http://rs.tdwg.org/dwc/terms/associatedMedia"/>
  <field term="http://rs.tdwg.org/dwc/terms/datasetName" default="Herbarium"/>
 </core>
 <extension encoding="UTF-8" fieldsTerminatedBy="," linesTerminatedBy="\\n" fieldsEnclosedBy='"'
   ignoreHeaderLines="1" rowType="{media}">
  <files><location>media.csv</location></files><coreid index="0"/>
  <field index="1" term="http://purl.org/dc/terms/type"/>
  <field index="2" term="{address}"/>
  <field index="3" term="http://purl.org/dc/terms/license"/>
  <field index="4" term="http://purl.org/dc/terms/creator"/>
 </extension>
</archive>"""
MULTIMEDIA = {
    "media": "http://rs.gbif.org/terms/1.0/Multimedia",
    "address": "http://purl.org/dc/terms/identifier",
}
AUDUBON = {
    "media": "http://rs.tdwg.org/ac/terms/Multimedia",
    "address": "http://rs.tdwg.org/ac/terms/accessURI",
}
CORE = (
    "id\tscientificName\ttaxonRank\tdecimalLatitude\tassociatedMedia\n"
    '1\tRosa "canina" L.\tSPECIES\t36.9\t\n'
    "2\tViola\tGENUS\t36.9\thttps://example.org/v.jpg | w.jpg\n"
    "1\tRosa canina L.\tSPECIES\t36.9\t\n"
    "3\tshifted\n"
    "4\tno photo\tseries\t\t\n"
)
MEDIA = (
    "coreid,type,identifier,license,creator\n"
    "1,StillImage,photos/a.jpg,http://creativecommons.org/licenses/by/4.0/,Ada\n"
    "1,StillImage,b.jpg,,\n"
    "1,Sound,https://example.org/a.mp3,,\n"
    "1,StillImage,../../c.jpg,,\n"
    "99,StillImage,photos/a.jpg,,\n"
    "1,StillImage,gone.jpg,,\n"
    "1,StillImage,,,\n"
)


def darwin_core(
    core: str = "Occurrence", extension: Mapping[str, str] = MULTIMEDIA, **files: str
) -> dict[str, bytes | str]:
    meta = META.format(core=core, **extension)
    return {"meta.xml": meta, "core.txt": CORE, "media.csv": MEDIA, "photos/a.jpg": PHOTO, **files}


@pytest.mark.parametrize("extension", [MULTIMEDIA, AUDUBON])
def test_a_darwin_core_archive(tmp_path: Path, heard: Heard, extension: Mapping[str, str]) -> None:
    below = write(tmp_path / "below", {"b.jpg": PHOTO, "w.jpg": PHOTO})
    path = write_zip(tmp_path / "a.zip", darwin_core(extension=extension))
    found = heard.read(path, photos=below)
    a, b, v, w = found.values()
    assert isinstance(a.location, ZipMember)
    assert a.location.read() == PHOTO
    assert b.location == FilePart(below / "b.jpg")
    assert v.location == WebPhoto("https://example.org/v.jpg")
    assert w.location == FilePart(below / "w.jpg")
    assert a.fields == {
        "scientificName": 'Rosa "canina" L.',
        "taxonRank": "species",
        "license": "http://creativecommons.org/licenses/by/4.0/",
        "rightsHolder": "Ada",
        "source": "Herbarium",
    }
    assert a.where == f"{path}/media.csv, line 2"
    assert a.observation == b.observation == "a.zip:1"
    assert v.observation == w.observation == "a.zip:2"
    said = [line.removeprefix(f"{path}/") for line in heard.faults]
    assert sorted(line.partition(":")[0] for line in said) == [
        "core.txt, line 4",
        "core.txt, line 5",
        "media.csv, line 5",
        "media.csv, line 6",
        "media.csv, line 7",
        "media.csv, line 8",
    ]
    assert heard.notes[0] == f"{path}: 1 media item is not a photo (1 Sound)"
    unpacked = heard.read(write(tmp_path / "a", darwin_core(extension=extension)), photos=below)
    assert list(unpacked) == list(found)
    nested = {f"export/{name}": content for name, content in darwin_core(extension=extension).items()}
    assert list(heard.read(write_zip(tmp_path / "n.zip", nested), photos=below)) == list(found)


def test_photos_of_one_taxon_are_not_grouped_as_one_plant(tmp_path: Path, heard: Heard) -> None:
    path = write(tmp_path / "a", darwin_core("Taxon"))
    assert {record.observation for record in heard.read(path).values()} == {""}


LAUGHS = '<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>'


@pytest.mark.parametrize(
    ("files", "cause"),
    [
        ({"meta.xml": META.replace('<?xml version="1.0"?>', LAUGHS)}, r"meta\.xml: the file has a DOCTYPE"),
        ({"meta.xml": " " * 1_000_001}, r"meta\.xml: the file is larger than 1 MB"),
        ({"meta.xml": "<archive>"}, r"meta\.xml: the file cannot be read"),
        ({"meta.xml": "<archive/>"}, r"meta\.xml: the file does not describe a core"),
        ({"meta.xml": META.replace("UTF-8", "base64")}, r"meta\.xml: the file cannot be read"),
        (
            {"meta.xml": META.replace("UTF-8", "klingon")},
            r"meta\.xml: the file cannot be read \(unknown encoding",
        ),
        (
            {"meta.xml": META.replace('ignoreHeaderLines="1"', f'ignoreHeaderLines="{10**20}"')},
            r"meta\.xml: ignoreHeaderLines is 100000000000000000000, more than the limit of 1,000",
        ),
        ({"meta.xml": META.replace("\\t", "||")}, "separated by '||'"),
        ({"meta.xml": META.replace("{core}", "Event")}, "core is 'event'"),
        (
            {"meta.xml": META.replace("core.txt", "../../core.txt").replace("{core}", "Taxon")},
            "points outside the folder",
        ),
        (
            {"meta.xml": META.replace("core.txt", "gone.txt").replace("{core}", "Taxon")},
            "'gone.txt' is not in",
        ),
    ],
)
def test_archives_that_cannot_be_used(
    tmp_path: Path, heard: Heard, files: Mapping[str, str], cause: str
) -> None:
    path = write_zip(tmp_path / "a.zip", darwin_core(**files))
    with refuses(DataError, match=cause.replace("||", r"\|\|")) as raised:
        heard.read(path)
    assert "\n" not in said(raised.value)


def test_the_journal_can_be_packed(tmp_path: Path, heard: Heard) -> None:
    """DALIP's own archive can be read back."""
    journal = Journal(tmp_path / "data")
    answer = ("2026-05-31", "Rosa canina", "species", "Rosaceae", 0.5, "sure")
    journal.add(Observation("x", *answer, notes="=1+1, on\ntwo lines"), [PHOTO])
    path = tmp_path / "j.zip"
    export_journal(journal, path)
    (record,) = heard.read(path).values()
    assert record.fields["scientificName"] == "Rosa canina"
    assert record.observation == "x"
    assert heard.faults == []
