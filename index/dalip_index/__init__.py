"""Floras, the photo library and the journal: stored on disk and searched without PyTorch.

```python
from dalip_index import load_flora

for answer in load_flora().identify(["poppy.jpg"]):
    print(answer)
```
"""

from dalip.errors import Skipped
from dalip.progress import Progress
from dalip_index.build.build import build_flora
from dalip_index.build.change import add_photos, merge_floras, rebuild_flora, remove_from, taxa_of
from dalip_index.build.teach import flora_to_teach, forget_taxon, teach_from, teach_taxon
from dalip_index.evaluation.compare_encoders import Change, compare_encoders
from dalip_index.evaluation.evaluate import (
    Accuracy,
    Confusion,
    FloraEvaluation,
    SearchPrecision,
    TaxonAccuracy,
    evaluate_flora,
)
from dalip_index.evaluation.trust import Bin, Rejection, Trust
from dalip_index.flora.answer import EVIDENCE_KINDS, EvidenceKind, Identification, Prediction, Verdict
from dalip_index.flora.calibration import Calibration
from dalip_index.flora.flora import Flora
from dalip_index.flora.hazards import hazard_of
from dalip_index.flora.heat_map import heat_map
from dalip_index.flora.load import load_flora
from dalip_index.flora.restricted import RestrictedFlora, restrict
from dalip_index.flora.verify import FloraInfo, find_problems, flora_info, verify_flora
from dalip_index.journal.export_journal import export_journal
from dalip_index.journal.import_journal import Imported, import_journal
from dalip_index.journal.journal import Journal
from dalip_index.journal.journal_file import OWN_LIMITS, VISITOR_LIMITS, ImportLimits
from dalip_index.journal.observation import Observation
from dalip_index.library.filter import Hit, PhotoFilter, TaxonCount
from dalip_index.library.library import Found, Library
from dalip_index.library.naming import PhotoName
from dalip_index.library.search_limits import SearchLimits, limits_of
from dalip_index.library.update import LibraryReport
from dalip_index.store.manifest import FloraManifest
from dalip_index.store.versions import undo_change

__all__ = [
    "EVIDENCE_KINDS",
    "OWN_LIMITS",
    "VISITOR_LIMITS",
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
    "ImportLimits",
    "Imported",
    "Journal",
    "Library",
    "LibraryReport",
    "Observation",
    "PhotoFilter",
    "PhotoName",
    "Prediction",
    "Progress",
    "Rejection",
    "RestrictedFlora",
    "SearchLimits",
    "SearchPrecision",
    "Skipped",
    "TaxonAccuracy",
    "TaxonCount",
    "Trust",
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
    "rebuild_flora",
    "remove_from",
    "restrict",
    "taxa_of",
    "teach_from",
    "teach_taxon",
    "undo_change",
    "verify_flora",
]
