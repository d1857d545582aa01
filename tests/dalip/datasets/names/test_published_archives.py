"""World lists as they are downloaded: archives with all columns of a release, and other tables beside the names."""

import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from dalip.datasets.names.taxa_file import read_names, read_taxa
from tests.dalip.heard import Heard
from tests.index.regions.region_files import NAME_COLUMNS

GBIF = [
    "taxonID",
    "datasetID",
    "parentNameUsageID",
    "acceptedNameUsageID",
    "originalNameUsageID",
    "scientificName",
    "scientificNameAuthorship",
    "canonicalName",
    "genericName",
    "specificEpithet",
    "infraspecificEpithet",
    "taxonRank",
    "nameAccordingTo",
    "namePublishedIn",
    "taxonomicStatus",
    "nomenclaturalStatus",
    "taxonRemarks",
    "kingdom",
    "phylum",
    "class",
    "order",
    "family",
    "genus",
]
COL = [
    f"col:{column}"
    for column in [
        "ID",
        "alternativeID",
        "nameAlternativeID",
        "sourceID",
        "parentID",
        "basionymID",
        "status",
        "scientificName",
        "authorship",
        "rank",
        "notho",
        "originalSpelling",
        "uninomial",
        "genericName",
        "infragenericEpithet",
        "specificEpithet",
        "infraspecificEpithet",
        "cultivarEpithet",
        "combinationAuthorship",
        "namePhrase",
        "nameReferenceID",
        "publishedInYear",
        "code",
        "nameStatus",
        "accordingToID",
        "species",
        "subgenus",
        "genus",
        "tribe",
        "family",
        "superfamily",
        "order",
        "class",
        "phylum",
        "kingdom",
        "link",
        "nameRemarks",
        "remarks",
    ]
]
WFO = [
    "taxonID",
    "scientificNameID",
    "localID",
    "scientificName",
    "taxonRank",
    "parentNameUsageID",
    "scientificNameAuthorship",
    "family",
    "subfamily",
    "tribe",
    "subtribe",
    "genus",
    "subgenus",
    "specificEpithet",
    "infraspecificEpithet",
    "verbatimTaxonRank",
    "nomenclaturalStatus",
    "namePublishedIn",
    "taxonomicStatus",
    "acceptedNameUsageID",
    "originalNameUsageID",
    "nameAccordingToID",
    "taxonRemarks",
    "created",
    "modified",
    "references",
    "source",
    "majorGroup",
    "tplID",
]
META = '<archive xmlns="http://rs.tdwg.org/dwc/text/"/>'


def table(
    columns: Sequence[str], rows: Sequence[dict[str, object]], separator: str = "\t", quote: str = ""
) -> str:
    """Return a table; keys of a row may lack the prefix of the columns."""
    lines = [[quote + column + quote for column in columns]]
    for row in rows:
        cells = [str(row.get(column.removeprefix("col:"), "")) for column in columns]
        lines.append([quote + (cell.replace('"', '""') if quote else cell) + quote for cell in cells])
    return "\n".join(separator.join(cells) for cells in lines) + "\n"


def gbif() -> dict[str, str]:
    plants = {
        "kingdom": "Plantae",
        "order": "Asparagales",
        "family": "Iridaceae",
        "taxonomicStatus": "accepted",
    }
    iris = plants | {"parentNameUsageID": 11, "genus": "Iris", "taxonRank": "species"}
    rows: list[dict[str, object]] = [
        plants
        | {"taxonID": 6, "scientificName": "Plantae", "taxonRank": "kingdom", "order": "", "family": ""},
        plants
        | {"taxonID": 10, "parentNameUsageID": 6, "scientificName": "Iridaceae", "taxonRank": "family"},
        plants | {"taxonID": 11, "parentNameUsageID": 10, "scientificName": "Iris L.", "taxonRank": "genus"},
        iris | {"taxonID": 12, "scientificName": "Iris germanica L.", "namePublishedIn": 'Sp. Pl. 1: 38 "x'},
        iris
        | {"taxonID": 13, "acceptedNameUsageID": 12, "scientificName": "Iris florentina L."}
        | {"taxonomicStatus": "heterotypic synonym"},
        iris | {"taxonID": 14, "scientificName": "Iris × sambucina L.", "canonicalName": "Iris sambucina"},
        {"taxonID": 15, "scientificName": "BOLD:AAA1234", "taxonRank": "unranked", "kingdom": "Animalia"},
    ]
    return {
        "backbone/Taxon.tsv": table(GBIF, rows),
        "backbone/VernacularName.tsv": "taxonID\tvernacularName\tlanguage\n12\tGerman iris\ten\n",
        "backbone/TypesAndSpecimen.tsv": "taxonID\ttypeStatus\tscientificName\n12\tTYPE\tIris germanica L.\n",
        "backbone/Distribution.tsv": "taxonID\tlocationID\n12\tISO:DE\n",
        "backbone/meta.xml": META,
        "backbone/eml.xml": "<eml/>",
    }


def col() -> dict[str, str]:
    accepted = {"status": "accepted"}
    rows: list[dict[str, object]] = [
        accepted | {"ID": "P", "scientificName": "Plantae", "rank": "kingdom"},
        accepted | {"ID": "O", "parentID": "P", "scientificName": "Asparagales", "rank": "order"},
        accepted | {"ID": "F", "parentID": "O", "scientificName": "Iridaceae", "rank": "family"},
        accepted
        | {"ID": "G", "parentID": "F", "scientificName": "Iris", "rank": "genus", "authorship": "L."},
        accepted
        | {
            "ID": "6MK8",
            "parentID": "G",
            "scientificName": "Iris germanica",
            "rank": "species",
            "authorship": "L.",
        }
        | {"genericName": "Iris", "specificEpithet": "germanica"},
        {
            "ID": "S",
            "parentID": "6MK8",
            "status": "synonym",
            "scientificName": "Iris florentina",
            "rank": "species",
        },
        accepted | {"ID": "N", "parentID": "G", "scientificName": "Iris × sambucina", "rank": "species"},
        accepted | {"ID": "X", "scientificName": "Animalia", "rank": "kingdom"},
        accepted | {"ID": "Y", "parentID": "X", "scientificName": "Apis mellifera", "rank": "species"},
    ]
    return {
        "NameUsage.tsv": table(COL, rows),
        "VernacularName.tsv": "col:taxonID\tcol:name\tcol:language\n6MK8\tGerman iris\teng\n",
        "SpeciesInteraction.tsv": "col:taxonID\tcol:relatedTaxonScientificName\n6MK8\tApis mellifera\n",
        "Reference.tsv": "col:ID\tcol:citation\n1\tSp. Pl.\n",
        "metadata.yaml": "title: Catalogue of Life",
        "source/1010.yaml": "title: a source",
    }


def wfo() -> dict[str, str]:
    iris = {"family": "Iridaceae", "genus": "Iris", "scientificNameAuthorship": "L.", "majorGroup": "A"}
    rows: list[dict[str, object]] = [
        iris
        | {"taxonID": "wfo-1", "scientificName": "Iris", "taxonRank": "genus", "taxonomicStatus": "Accepted"},
        iris
        | {"taxonID": "wfo-2", "scientificName": "Iris germanica", "taxonRank": "species"}
        | {
            "taxonomicStatus": "Accepted",
            "parentNameUsageID": "wfo-1",
            "taxonRemarks": 'said "so",\nin two lines',
        },
        iris
        | {"taxonID": "wfo-3", "scientificName": "Iris florentina", "taxonRank": "species"}
        | {"taxonomicStatus": "Synonym", "acceptedNameUsageID": "wfo-2"},
        iris
        | {"taxonID": "wfo-4", "scientificName": "Iris × sambucina", "taxonRank": "nothospecies"}
        | {"taxonomicStatus": "Accepted", "parentNameUsageID": "wfo-1"},
    ]
    return {"classification.csv": table(WFO, rows, quote='"'), "meta.xml": META, "eml.xml": "<eml/>"}


def wcvp() -> dict[str, str]:
    iris = {"family": "Iridaceae", "genus": "Iris", "taxon_authors": "L.", "taxon_rank": "Species"}
    accepted = iris | {"taxon_status": "Accepted"}
    rows: list[dict[str, object]] = [
        accepted
        | {"plant_name_id": 1, "taxon_name": "Iris", "taxon_rank": "Genus", "accepted_plant_name_id": 1},
        accepted
        | {"plant_name_id": 2, "taxon_name": "Iris germanica", "accepted_plant_name_id": 2}
        | {"parent_plant_name_id": 1, "volume_and_page": '1: 38, "x'},
        iris
        | {"plant_name_id": 3, "taxon_name": "Iris florentina", "accepted_plant_name_id": 2}
        | {"taxon_status": "Synonym"},
        accepted | {"plant_name_id": 4, "taxon_name": "Iris × sambucina", "accepted_plant_name_id": 4},
    ]
    distribution = "plant_locality_id|plant_name_id|continent_code_l1|area_code_l3|area\n1|2|1|GER|Germany\n"
    return {
        "wcvp_names.csv": table(NAME_COLUMNS, rows, "|"),
        "wcvp_distribution.csv": distribution,
        "README.xlsx": "PK",
    }


@pytest.mark.parametrize("make", [gbif, col, wfo, wcvp])
def test_the_archives_of_world_lists_are_read_as_they_are(
    tmp_path: Path, make: Callable[[], dict[str, str]]
) -> None:
    path, heard = tmp_path / "download.zip", Heard()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in make().items():
            archive.writestr(name, text)
    taxa = {taxon.scientific_name: taxon for taxon in read_taxa(path, heard.report)}
    species = {name: taxon for name, taxon in taxa.items() if taxon.taxon_rank == "species"}
    assert set(species) == {"Iris germanica", "Iris × sambucina"}
    assert {(taxon.genus, taxon.family) for taxon in species.values()} == {("Iris", "Iridaceae")}
    assert taxa["Iris germanica"].synonyms == ("Iris florentina",)
    assert heard.faults == []
    names = read_names(path, heard.report)
    assert {"Iris germanica": ("Iris florentina",), "Iris × sambucina": ()}.items() <= names.items()
    assert set(names) - {"Iris germanica", "Iris × sambucina"} <= {"Iris"}
    assert heard.faults == []
