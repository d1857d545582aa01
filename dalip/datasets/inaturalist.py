"""Read photos and names from iNaturalist CSV exports.

Source: the columns of https://www.inaturalist.org/observations/export.
"""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from dalip.datasets.locate import Finder, make_record
from dalip.datasets.photo_location import Location
from dalip.datasets.record import Record
from dalip.datasets.report import Report, shown
from dalip.datasets.tables import Table
from dalip.errors import DataError

__all__ = ["COLUMNS", "read_inaturalist"]

COLUMNS = frozenset({"id", "image_url"})
"""The columns by which an export is recognised."""

_TAKEN = {  # our field: the export's columns, of which the first non-empty one counts
    "scientificName": ("scientific_name",),
    "vernacularName": ("common_name",),
    "genus": ("taxon_genus_name",),
    "family": ("taxon_family_name",),
    "order": ("taxon_order_name",),
    "eventDate": ("observed_on",),
    "rightsHolder": ("user_name", "user_login"),
}
_LICENSES = {
    "CC0": "https://creativecommons.org/publicdomain/zero/1.0/",
    **{
        f"CC-{kind.upper()}": f"https://creativecommons.org/licenses/{kind}/4.0/"
        for kind in ("by", "by-nc", "by-nd", "by-sa", "by-nc-nd", "by-nc-sa")
    },
}
_PHOTO_NUMBER = re.compile(r"/photos/(\d+)/")


def read_inaturalist(table: Table, finder: Finder, report: Report) -> Iterator[Record]:
    """Read the observations in an export that have a photo.

    Args:
        table: The export.
        finder: Finds photos that were downloaded before, by the number of the photo or of the observation.
        report: Receives each skipped row.

    Yields:
        Records whose key contains both numbers; photos of one observation have its address in common.
    """
    stems = {PurePosixPath(n).stem: n for n in finder.below.names} if finder.below else {}
    for line, row in table.rows:
        where = table.where(line)
        number, address = row.get("id", ""), row.get("image_url", "")
        if not number.isdecimal():
            report.skip(where, "observation-not-numbered", number=shown(number[:40]))
        elif not address:
            report.skip(where, "observation-without-photo", number=number)
        else:
            found = _PHOTO_NUMBER.search(address)
            photo = found[1] if found else ""
            try:
                place = _place(finder, stems, (photo, number), address)
            except DataError as error:
                report.skip_for(where, error)
                continue
            record = make_record(
                f"inaturalist-{number}-{photo}".rstrip("-"),
                place,
                _fields(row, number),
                report,
                row=where,
                observation=f"https://www.inaturalist.org/observations/{number}",
            )
            if record:
                yield record


def _place(finder: Finder, stems: dict[str, str], numbers: tuple[str, ...], address: str) -> Location:
    found = next((stems[number] for number in numbers if number in stems), None)
    return finder.below.place(found) if finder.below and found else finder.find(address)


def _fields(row: dict[str, str], number: str) -> dict[str, str]:
    fields = {
        field: next((row[column] for column in columns if column in row), "")
        for field, columns in _TAKEN.items()
    }
    license = row.get("license", "")
    fields["license"] = _LICENSES.get(license.upper(), license)
    fields["references"] = row.get("url") or f"https://www.inaturalist.org/observations/{number}"
    fields["source"] = "iNaturalist"
    return fields
