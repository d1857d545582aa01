"""Write small files in the published formats of distributions (WCVP) and occurrence records (GBIF)."""

import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

__all__ = ["ACCEPTED", "NAME_COLUMNS", "archive", "names", "placed", "records", "wcvp"]

NAME_COLUMNS = [
    "plant_name_id",
    "ipni_id",
    "taxon_rank",
    "taxon_status",
    "family",
    "genus_hybrid",
    "genus",
    "species_hybrid",
    "species",
    "infraspecific_rank",
    "infraspecies",
    "parenthetical_author",
    "primary_author",
    "publication_author",
    "place_of_publication",
    "volume_and_page",
    "first_published",
    "nomenclatural_remarks",
    "geographic_area",
    "lifeform_description",
    "climate_description",
    "taxon_name",
    "taxon_authors",
    "accepted_plant_name_id",
    "basionym_plant_name_id",
    "replaced_synonym_author",
    "homotypic_synonym",
    "parent_plant_name_id",
    "powo_id",
    "hybrid_formula",
    "reviewed",
]
AREA_COLUMNS = [
    "plant_locality_id",
    "plant_name_id",
    "continent_code_l1",
    "continent",
    "region_code_l2",
    "region",
    "area_code_l3",
    "area",
    "introduced",
    "extinct",
    "location_doubtful",
]
GBIF_COLUMNS = [
    "gbifID",
    "datasetKey",
    "occurrenceID",
    "kingdom",
    "phylum",
    "class",
    "order",
    "family",
    "genus",
    "species",
    "infraspecificEpithet",
    "taxonRank",
    "scientificName",
    "verbatimScientificName",
    "verbatimScientificNameAuthorship",
    "countryCode",
    "locality",
    "stateProvince",
    "occurrenceStatus",
    "individualCount",
    "publishingOrgKey",
    "decimalLatitude",
    "decimalLongitude",
    "coordinateUncertaintyInMeters",
    "coordinatePrecision",
    "elevation",
    "elevationAccuracy",
    "depth",
    "depthAccuracy",
    "eventDate",
    "day",
    "month",
    "year",
    "taxonKey",
    "speciesKey",
    "basisOfRecord",
    "institutionCode",
    "collectionCode",
    "catalogNumber",
    "recordNumber",
    "identifiedBy",
    "dateIdentified",
    "license",
    "rightsHolder",
    "recordedBy",
    "typeStatus",
    "establishmentMeans",
    "lastInterpreted",
    "mediaType",
    "issue",
]

SPAIN = ("1", "EUROPE", "12", "Southwestern Europe", "SPA", "Spain")
PORTUGAL = ("1", "EUROPE", "12", "Southwestern Europe", "POR", "Portugal")
NORWAY = ("1", "EUROPE", "10", "Northern Europe", "NOR", "Norway")
REUNION = ("2", "AFRICA", "29", "Western Indian Ocean", "REU", "Réunion")

ACCEPTED = (
    (1, "Species", "Accepted", "Rosa canina", 1),
    (2, "Species", "Accepted", "Iris pallida", 2),
    (3, "Genus", "Accepted", "Iris", 3),
    (4, "Species", "Synonym", "Iris odoratissima", 2),
    (5, "Subspecies", "Accepted", "Iris pallida subsp. cengialti", 5),
    (6, "Species", "Accepted", "Acer campestre", 6),
    (7, "Species", "Illegitimate", "Acer campestre", 1),  # a homonym by another author
    (8, "Species", "Accepted", "Mentha × piperita", 8),
)

PLACED = (
    (1, SPAIN, "000"),
    (1, PORTUGAL, "000"),
    (1, NORWAY, "010"),  # extinct
    (2, SPAIN, "100"),  # introduced
    (3, SPAIN, "000"),  # a genus
    (5, REUNION, "000"),
    (6, NORWAY, "000"),
    (8, NORWAY, "001"),  # doubtful
)


def table(path: Path, columns: Sequence[str], rows: Iterable[dict[str, object]], separator: str) -> Path:
    lines = [separator.join(columns)]
    lines += [separator.join(str(row.get(column, "")) for column in columns) for row in rows]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def names(path: Path, rows: Iterable[tuple[int, str, str, str, int]] = ACCEPTED) -> Path:
    """Write `wcvp_names.csv`."""
    columns = ("plant_name_id", "taxon_rank", "taxon_status", "taxon_name", "accepted_plant_name_id")
    made = (dict(zip(columns, row, strict=True)) | {"taxon_authors": '"L." ex Mill.'} for row in rows)
    return table(path, NAME_COLUMNS, made, "|")


def placed(path: Path, rows: Iterable[tuple[int, tuple[str, ...], str]] = PLACED) -> Path:
    """Write `wcvp_distribution.csv`; the flags are introduced, extinct and doubtful."""
    made = (
        dict(zip(AREA_COLUMNS, (number, plant, *area, *flags), strict=True))
        for number, (plant, area, flags) in enumerate(rows, 1)
    )
    return table(path, AREA_COLUMNS, made, "|")


def wcvp(folder: Path) -> Path:
    """Write both files of WCVP; return the distribution."""
    names(folder / "wcvp_names.csv")
    return placed(folder / "wcvp_distribution.csv")


def record(species: str, latitude: object, longitude: object, **more: object) -> dict[str, object]:
    return {
        "kingdom": "Plantae",
        "species": species,
        "scientificName": f"{species} L." if species else "",
        "taxonRank": "SPECIES",
        "occurrenceStatus": "PRESENT",
        "basisOfRecord": "HUMAN_OBSERVATION",
        "decimalLatitude": latitude,
        "decimalLongitude": longitude,
        "locality": 'the "Lodge", 3\' from here',
    } | more


def records(path: Path, rows: Iterable[dict[str, object]]) -> Path:
    """Write a simple download of GBIF."""
    return table(path, GBIF_COLUMNS, rows, "\t")


def archive(path: Path, rows: Sequence[dict[str, object]], *, meta: bool = True) -> Path:
    """Write a Darwin Core Archive as GBIF does, with the verbatim records and a table of photos beside them."""
    columns = [
        "gbifID",
        "kingdom",
        "species",
        "scientificName",
        "taxonRank",
        "occurrenceStatus",
        "basisOfRecord",
    ]
    columns += ["decimalLatitude", "decimalLongitude", "coordinateUncertaintyInMeters"]
    terms = "http://rs.tdwg.org/dwc/terms/"
    fields = "".join(f'<field index="{n}" term="{terms}{c}"/>' for n, c in enumerate(columns) if n)
    layout = 'encoding="UTF-8" fieldsTerminatedBy="\\t" linesTerminatedBy="\\n" fieldsEnclosedBy=""'
    text = (
        f'<archive xmlns="http://rs.tdwg.org/dwc/text/"><core {layout} ignoreHeaderLines="1" '
        f'rowType="{terms}Occurrence"><files><location>occurrence.txt</location></files><id index="0"/>{fields}'
        f'</core><extension {layout} ignoreHeaderLines="1" rowType="http://rs.gbif.org/terms/1.0/Multimedia">'
        '<files><location>multimedia.txt</location></files><coreid index="0"/>'
        '<field index="1" term="http://purl.org/dc/terms/identifier"/></extension></archive>'
    )
    core = table(path.with_suffix(".txt"), columns, rows, "\t").read_text(encoding="utf-8")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("occurrence.txt", core)
        made.writestr("verbatim.txt", core.replace("Rosa", "Verbatim"))
        made.writestr("multimedia.txt", "gbifID\tidentifier\n1\thttps://example.org/a.jpg\n")
        made.writestr("citations.txt", "cite me\n")
        if meta:
            made.writestr("meta.xml", text)
    return path
