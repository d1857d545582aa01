"""Read photos and names from iNaturalist CSV exports.

Source: the columns of https://www.inaturalist.org/observations/export.
"""

import re
from collections.abc import Iterator

from dalip.datasets.identification import taxon_of_export
from dalip.datasets.locate import Finder, make_record, split_media
from dalip.datasets.record import Record
from dalip.datasets.report import Report, shown
from dalip.datasets.tables import Table
from dalip.errors import DataError

__all__ = ["COLUMNS", "read_inaturalist"]

COLUMNS = frozenset({"id", "image_url"})
"""The columns by which an export is recognised."""

_TAKEN = {  # our field: the export's columns, of which the first non-empty one counts
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
        report: Receives each skipped row: organisms that are not plants, and taxa whose rank floras do not have.

    Yields:
        Records whose key contains both numbers; photos of one observation have its address in common.
    """
    columns = frozenset(table.columns)
    for line, row in table.rows:
        where = table.where(line)
        number, addresses = row.get("id", ""), split_media(row.get("image_url", ""))
        if not number.isdecimal():
            report.skip(where, "observation-not-numbered", number=shown(number[:40]))
            continue
        if not addresses:
            report.skip(where, "observation-without-photo", number=number)
            continue
        try:
            fields = {**_fields(row, number), **taxon_of_export(row, columns)}
        except DataError as error:
            report.skip_for(where, error)
            continue
        for address in addresses:
            found = _PHOTO_NUMBER.search(address)
            photo = found[1] if found else ""
            try:
                place = finder.find_numbered(photo, number if len(addresses) == 1 else "")
                place = place or finder.find(address)
            except DataError as error:
                report.skip_for(where, error)
                continue
            record = make_record(
                f"inaturalist-{number}-{photo}".rstrip("-"),
                place,
                fields,
                report,
                row=where,
                observation=f"https://www.inaturalist.org/observations/{number}",
            )
            if record:
                yield record


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
