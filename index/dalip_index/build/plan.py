"""What a version of a flora is to hold, checked before anything is read or written."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from dalip.datasets import Record
from dalip.errors import FloraError
from dalip.taxon_tree import check_taxonomy
from dalip.taxonomy import Taxon
from dalip_index.build.texts import text_evidence
from dalip_index.store.catalogue import Evidence
from dalip_index.store.kept_photos import KEPT_SIDE, digest_of

__all__ = ["Plan", "require_evidence", "shown"]


@dataclass(frozen=True)
class Plan:
    """What a version is to hold."""

    taxa: Sequence[Taxon]
    records: Sequence[Record] = ()
    texts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    keep: int = KEPT_SIDE
    test_too: bool = False
    tests_before: int = 0
    """Photos of the test split that were left out when what is kept was added."""

    @cached_property
    def rows(self) -> dict[str, int]:
        """Row of each taxon by its scientific name."""
        return {taxon.scientific_name: row for row, taxon in enumerate(self.taxa)}

    @cached_property
    def known(self) -> list[Record]:
        """The photos that name a taxon of the flora."""
        return [record for record in self.records if shown(record) in self.rows]

    @cached_property
    def wanted(self) -> list[Record]:
        """Those that are looked at; a photo that is kept was learned from before, whichever split it is of."""
        return [r for r in self.known if self.test_too or r.split != "test" or digest_of(r)]

    @cached_property
    def text_evidence(self) -> list[Evidence]:
        """The texts."""
        return text_evidence(self.taxa, self.texts)

    def check(self) -> None:
        """Make sure that it can become a flora, before anything is read or written.

        Raises:
            FloraError: It cannot; see `build_flora`.
        """
        if not self.taxa:
            raise FloraError("a flora needs at least one taxon; the list is empty")
        if len(self.rows) < len(self.taxa):
            twice = next(t for row, t in enumerate(self.taxa) if self.rows[t.scientific_name] != row)
            raise FloraError(f"{twice.scientific_name} is in the list of taxa twice; keep one of them")
        unknown = next((name for name in self.texts if name not in self.rows), None)
        if unknown is not None:
            raise FloraError(
                f"there are texts for {unknown}, which is not in the list of taxa; correct one of them"
            )
        check_taxonomy(self.taxa)
        of_photos = {self.rows[shown(r)] for r in self.wanted}
        require_evidence(self.taxa, {e.taxon for e in self.text_evidence} | of_photos)


def shown(record: Record) -> str:
    """Give the scientific name of what a photo shows; an empty string where it does not say."""
    return record.taxon.scientific_name if record.taxon else ""


def require_evidence(taxa: Sequence[Taxon], rows: Container[int]) -> None:
    """Make sure that each taxon has some evidence.

    Args:
        taxa: The taxa.
        rows: Of those that have some.

    Raises:
        FloraError: One has none.
    """
    for row, taxon in enumerate(taxa):
        if row not in rows:
            raise FloraError(
                f"{taxon.scientific_name}: has no text and no photo; give it one or leave it out"
            )
