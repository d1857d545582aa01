"""Floras and photo libraries: what an encoder's vectors are searched in. Importing it loads no torch.

```python
from dalip_index import load_flora

for answer in load_flora().identify(["poppy.jpg"]):
    print(answer)
```
"""

from dalip_index.answers import (
    EVIDENCE_KINDS,
    EvidenceKind,
    Identification,
    Prediction,
    Progress,
    Unreadable,
    Verdict,
)
from dalip_index.build import build_flora
from dalip_index.calibration import Calibration
from dalip_index.change import add_photos, merge_floras, rebuild_flora, remove_from, taxa_of
from dalip_index.compare import Change, compare_encoders
from dalip_index.evaluate import (
    Accuracy,
    Confusion,
    FloraEvaluation,
    SearchPrecision,
    TaxonAccuracy,
    evaluate_flora,
)
from dalip_index.explain import heat_map
from dalip_index.flora import Flora
from dalip_index.hazards import hazard_of
from dalip_index.journal import Journal, Observation
from dalip_index.journal_archive import export_journal, import_journal
from dalip_index.library import Found, Library
from dalip_index.library_filter import Hit, PhotoFilter, TaxonCount
from dalip_index.library_names import PhotoName
from dalip_index.library_update import LibraryReport
from dalip_index.load import load_flora
from dalip_index.manifest import FloraManifest
from dalip_index.photo_details import PhotoDetails, read_details, small_copy
from dalip_index.restricted import RestrictedFlora, restrict
from dalip_index.search_limits import SearchLimits, limits_of
from dalip_index.teach import flora_to_teach, forget_taxon, teach_from, teach_taxon
from dalip_index.trust import Bin, Rejection, Trust
from dalip_index.verify import FloraInfo, find_problems, flora_info, verify_flora
from dalip_index.versions import undo_change

__all__ = [
    "EVIDENCE_KINDS",
    "Accuracy",
    "Bin",
    "Calibration",
    "Change",
    "Confusion",
    "EvidenceKind",
    "Flora",
    "FloraEvaluation",
    "FloraInfo",
    "FloraManifest",
    "Found",
    "Hit",
    "Identification",
    "Journal",
    "Library",
    "LibraryReport",
    "Observation",
    "PhotoDetails",
    "PhotoFilter",
    "PhotoName",
    "Prediction",
    "Progress",
    "Rejection",
    "RestrictedFlora",
    "SearchLimits",
    "SearchPrecision",
    "TaxonAccuracy",
    "TaxonCount",
    "Trust",
    "Unreadable",
    "Verdict",
    "add_photos",
    "build_flora",
    "compare_encoders",
    "evaluate_flora",
    "export_journal",
    "find_problems",
    "flora_info",
    "flora_to_teach",
    "forget_taxon",
    "hazard_of",
    "heat_map",
    "import_journal",
    "limits_of",
    "load_flora",
    "merge_floras",
    "read_details",
    "rebuild_flora",
    "remove_from",
    "restrict",
    "small_copy",
    "taxa_of",
    "teach_from",
    "teach_taxon",
    "undo_change",
    "verify_flora",
]
