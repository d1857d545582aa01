from .build.build import build_flora
from .build.change import add_photos, merge_floras, rebuild_flora, remove_from, taxa_of
from .build.teach import flora_to_teach, forget_taxon, teach_from, teach_taxon
from .evaluation.compare_encoders import Change, compare_encoders
from .evaluation.evaluate import (
    Accuracy,
    Confusion,
    FloraEvaluation,
    SearchPrecision,
    TaxonAccuracy,
    evaluate_flora,
)
from .evaluation.trust import Bin, Rejection, Trust
from .flora.answer import (
    EVIDENCE_KINDS,
    EvidenceKind,
    Identification,
    Prediction,
    Region,
    RegionEffect,
    Verdict,
)
from .flora.calibration import Calibration
from .flora.flora import Flora
from .flora.hazards import hazard_of
from .flora.heat_map import heat_map
from .flora.load import load_flora
from .flora.regional import RegionTaxa, in_region
from .flora.restricted import RestrictedFlora, restrict
from .flora.verify import FloraInfo, find_problems, flora_info, verify_flora
from .journal.export_journal import export_journal
from .journal.import_journal import Imported, import_journal
from .journal.journal import Journal
from .journal.journal_file import OWN_LIMITS, VISITOR_LIMITS, ImportLimits
from .journal.observation import Observation
from .library.filter import Hit, PhotoFilter, TaxonCount
from .library.library import Found, Library
from .library.naming import PhotoName
from .library.search_limits import SearchLimits, limits_of
from .library.update import LibraryReport
from .regions.regions import Area, Regions, RegionSource
from .store.manifest import FloraManifest
from .store.versions import undo_change

__all__ = [
    "EVIDENCE_KINDS",
    "OWN_LIMITS",
    "VISITOR_LIMITS",
    "Accuracy",
    "Area",
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
    "Region",
    "RegionEffect",
    "RegionSource",
    "RegionTaxa",
    "Regions",
    "Rejection",
    "RestrictedFlora",
    "SearchLimits",
    "SearchPrecision",
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
    "in_region",
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
