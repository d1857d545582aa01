"""What the live version of a flora holds, so far that a change can start from it."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from dalip.datasets import Record
from dalip.errors import FloraError
from dalip.taxonomy import Taxon
from dalip_index.build.texts import texts_of
from dalip_index.store.catalogue import Evidence, read_evidence, read_taught, read_taxa
from dalip_index.store.kept_photos import KEPT_SIDE, kept_photos
from dalip_index.store.manifest import FloraManifest
from dalip_index.store.versions import current_version

__all__ = ["State", "read_state"]


@dataclass(frozen=True)
class State:
    """A version as it stands on disk."""

    root: Path
    manifest: FloraManifest
    taxa: tuple[Taxon, ...]
    evidence: tuple[Evidence, ...]
    taught: tuple[str, ...]
    """Scientific names of the taxa that were taught later."""

    @cached_property
    def kept(self) -> list[Record]:
        """The photos that it keeps, in the order of its catalogue."""
        order = [e.photo for e in self.evidence if e.photo]
        return kept_photos(self.root, self.manifest.photos, order)

    @cached_property
    def texts(self) -> dict[str, tuple[str, ...]]:
        """The texts of each taxon, none of some, by its scientific name."""
        found = texts_of(self.evidence)
        return {taxon.scientific_name: found.get(row, ()) for row, taxon in enumerate(self.taxa)}

    @property
    def kept_side(self) -> int:
        """Short side in pixels of the copies of photos that it keeps, or will."""
        return self.manifest.kept_side or KEPT_SIDE

    def require_photos(self) -> None:
        """Make sure that it keeps all its photos.

        Raises:
            FloraError: It does not.
        """
        if not self.manifest.keeps_all:
            raise FloraError(
                f"{self.root}: does not keep its photos, so it cannot be learned anew; build it again, or teach it "
                "plants that it lacks with `dalip index add --taxon`",
                "keeps-none",
            )

    def require_taxa(self, names: Iterable[str]) -> None:
        """Make sure that it holds taxa.

        Raises:
            FloraError: It does not hold one of these names.
        """
        for name in names:
            if name not in self.texts:
                raise FloraError(f"{name}: the flora does not hold it; `dalip index info` says what it holds")


def read_state(root: Path) -> State:
    """Read the live version of a flora, without its encoder.

    Raises:
        FloraError: It is missing or damaged.
    """
    folder = current_version(root)
    return State(
        root,
        FloraManifest.load(folder),
        read_taxa(folder),
        tuple(read_evidence(folder)),
        read_taught(folder),
    )
