"""Contents of the live version of a flora, where every change starts, and of the new version to write."""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from dalip.datasets import Record
from dalip.errors import FloraError
from dalip.prompt_templates import prompts_for
from dalip.taxon_tree import check_taxonomy
from dalip.taxonomy import Taxon
from dalip_index.build.texts import text_evidence, texts_of
from dalip_index.store.catalogue import Evidence, read_evidence, read_taught, read_taxa
from dalip_index.store.kept_photos import KEPT_SIDE, digest_of, kept_photos
from dalip_index.store.manifest import FloraManifest
from dalip_index.store.versions import current_version

__all__ = ["FloraContents", "NewContents", "read_contents", "require_evidence", "taxon_name_of"]


@dataclass(frozen=True)
class FloraContents:
    """The contents of the live version of a flora, without its vectors."""

    root: Path
    manifest: FloraManifest
    taxa: tuple[Taxon, ...]
    evidence: tuple[Evidence, ...]
    taught: tuple[str, ...]
    """Scientific names of the taxa taught later."""

    @cached_property
    def kept(self) -> list[Record]:
        """The photos kept by the flora, in the order of its catalogue."""
        order = [e.photo for e in self.evidence if e.photo]
        return kept_photos(self.root, self.manifest.photos, order)

    @cached_property
    def texts(self) -> dict[str, tuple[str, ...]]:
        """The texts of each taxon by scientific name; a taxon may have none."""
        found = texts_of(self.evidence)
        return {taxon.scientific_name: found.get(row, ()) for row, taxon in enumerate(self.taxa)}

    @cached_property
    def given_texts(self) -> dict[str, tuple[str, ...]]:
        """The texts of taxa whose texts were not made from their names in the wording of the encoder."""
        made = prompts_for(self.taxa, self.manifest.encoder.prompts, 1)
        own = {taxon.scientific_name: tuple(all_) for taxon, all_ in zip(self.taxa, made, strict=True)}
        # A large flora has only the first ones of all.
        return {
            name: texts for name, texts in self.texts.items() if texts != own[name][: len(texts)] or not texts
        }

    @property
    def kept_side(self) -> int:
        """Short side in pixels of the copies that the flora keeps of its photos, now or later."""
        return self.manifest.kept_side or KEPT_SIDE

    def require_photos(self) -> None:
        """Make sure that the flora keeps all its photos.

        Raises:
            FloraError: It does not.
        """
        if not self.manifest.keeps_all:
            raise FloraError("photos-not-kept", source=self.root)

    def require_taxa(self, names: Iterable[str]) -> None:
        """Make sure that the flora contains taxa.

        Raises:
            FloraError: One of the names is not in the flora.
        """
        for name in names:
            if name not in self.texts:
                raise FloraError("taxon-not-held", source=name)


def read_contents(root: Path) -> FloraContents:
    """Read the contents of the live version of a flora, without its encoder.

    Raises:
        FloraError: It is missing or damaged.
    """
    folder = current_version(root)
    return FloraContents(
        root,
        FloraManifest.load(folder),
        read_taxa(folder),
        tuple(read_evidence(folder)),
        read_taught(folder),
    )


@dataclass(frozen=True)
class NewContents:
    """The contents of a new version."""

    taxa: Sequence[Taxon]
    records: Sequence[Record] = ()
    texts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    keep: int = KEPT_SIDE
    test_too: bool = False
    tests_before: int = 0
    """Photos in the test split that were skipped when the kept photos were added."""
    templates: Sequence[str] = ()
    """The prompt templates of the encoder, for taxa without texts."""

    @cached_property
    def rows(self) -> dict[str, int]:
        """Row of each taxon by its scientific name."""
        return {taxon.scientific_name: row for row, taxon in enumerate(self.taxa)}

    @cached_property
    def known(self) -> list[Record]:
        """The photos labelled with a taxon in the flora."""
        return [record for record in self.records if taxon_name_of(record) in self.rows]

    @cached_property
    def wanted(self) -> list[Record]:
        """The photos to embed: those outside the test split, and all photos of taxa that have no others.

        Kept photos are always included, whatever their split, because they were used before.
        """
        chosen = [self.test_too or r.split != "test" or bool(digest_of(r)) for r in self.known]
        shown = {taxon_name_of(r) for r, used in zip(self.known, chosen, strict=True) if used}
        return [
            r for r, used in zip(self.known, chosen, strict=True) if used or taxon_name_of(r) not in shown
        ]

    @cached_property
    def text_evidence(self) -> list[Evidence]:
        """The texts."""
        return text_evidence(self.taxa, self.texts, self.templates)

    def check(self) -> None:
        """Make sure that a flora can be built from these contents, before anything is read or written.

        Raises:
            FloraError: It cannot; see `build_flora`.
        """
        if not self.taxa:
            raise FloraError("no-taxa")
        if len(self.rows) < len(self.taxa):
            twice = next(t for row, t in enumerate(self.taxa) if self.rows[t.scientific_name] != row)
            raise FloraError("taxon-twice", plant=twice.scientific_name)
        unknown = next((name for name in self.texts if name not in self.rows), None)
        if unknown is not None:
            raise FloraError("texts-of-unknown-taxon", plant=unknown)
        check_taxonomy(self.taxa)
        of_photos = {self.rows[taxon_name_of(r)] for r in self.wanted}
        require_evidence(self.taxa, {e.taxon for e in self.text_evidence} | of_photos)


def taxon_name_of(record: Record) -> str:
    """Return the scientific name of the taxon in a photo; an empty string if the photo has no taxon."""
    return record.taxon.scientific_name if record.taxon else ""


def require_evidence(taxa: Sequence[Taxon], rows: Container[int]) -> None:
    """Make sure that each taxon has some evidence.

    Args:
        taxa: The taxa.
        rows: Rows of the taxa that have some.

    Raises:
        FloraError: A taxon has none.
    """
    for row, taxon in enumerate(taxa):
        if row not in rows:
            raise FloraError("taxon-without-evidence", plant=taxon.scientific_name)
