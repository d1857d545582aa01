"""All kinds of cases that need no server."""

from tests.fuzz.archives import ARCHIVES, SHARDS
from tests.fuzz.details import DETAILS
from tests.fuzz.images import IMAGES
from tests.fuzz.journals import JOURNALS
from tests.fuzz.region_sources import REGIONS
from tests.fuzz.tables import CHECKLISTS, LISTS, TABLES

__all__ = ["KINDS"]

KINDS = (IMAGES, DETAILS, TABLES, LISTS, CHECKLISTS, ARCHIVES, SHARDS, JOURNALS, REGIONS)
