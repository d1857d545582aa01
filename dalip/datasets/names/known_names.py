"""`KnownNames`: where a `Resolver` looks names up, such as a checklist or the catalogue of a flora."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from dalip.scientific_name import plain_name, read_name
from dalip.taxonomy import Taxon

if TYPE_CHECKING:
    from dalip.datasets.names.list_rows import Entry  # a slow import

__all__ = ["KnownNames", "name_keys", "plain_common_name"]


class KnownNames(Protocol):
    """Names of taxa, for lookup. What is found is in the order of the list."""

    def with_name(self, key: str) -> "Sequence[Entry]":
        """Return the accepted taxa whose name has a key, as `name_keys` returns it."""

    def with_synonym(self, key: str) -> Sequence[tuple[str, Taxon]]:
        """Return the author of each synonym with a key, and its accepted taxon."""

    def with_common_name(self, name: str) -> Sequence[Taxon]:
        """Return the accepted taxa with a common name, as `plain_common_name` returns it."""

    def genera(self) -> Sequence[str]:
        """Return the first words of the keys, each once."""

    def keys_in(self, genus: str) -> Sequence[str]:
        """Return the keys that begin with a genus and are `NameParts.key` of an accepted name or synonym."""


def name_keys(name: str) -> tuple[str, str]:
    """Return the keys of a scientific name: `NameParts.key`, empty if it has no parts; and `plain_name`."""
    parts = read_name(name)
    return parts.key if parts else "", plain_name(name)


def plain_common_name(name: str) -> str:
    """Normalise a common name: drop what people write in various ways, capitals, accents, hyphens and apostrophes."""
    return " ".join(plain_name(name).replace("-", " ").replace("'", "").split())
