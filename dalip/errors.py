"""All errors that DALIP raises on purpose, with a kind and facts; and `Skipped`, the report of what was not used.

```
DalipError
├── ImageError      a photo that cannot be read
├── DataError       records, shards, tables, names of taxa
├── BundleError     an exported encoder on disk
├── FloraError      a flora on disk
├── LibraryError    the user's photo library
├── JournalError    the user's observations
├── TrainingError   a run that cannot start or continue
├── ExportError     a model that cannot become a bundle
└── ServerError     a server that cannot start as it was asked to
```

Errors carry data, not sentences: a `kind`, the `source` that they are about, and `facts`. `dalip_app.messages` turns
them into words, for the command line, the page and the HTTP API, in the languages that there are.
"""

from dataclasses import dataclass
from typing import Self, TypeVar

__all__ = [
    "BundleError",
    "DalipError",
    "DataError",
    "ExportError",
    "FloraError",
    "ImageError",
    "JournalError",
    "LibraryError",
    "ServerError",
    "Skipped",
    "TrainingError",
    "first_line",
]

E = TypeVar("E", bound="DalipError")


class DalipError(Exception):
    """Base class of every error that DALIP raises on purpose."""

    def __init__(self, kind: str, *, source: object = "", **facts: object) -> None:
        """Say what went wrong.

        Args:
            kind: Names what went wrong, such as `image-damaged`; the catalogue of texts has an entry for each.
            source: What it is about: a file, a line of a table, a member of an archive; empty where it is about none.
            facts: What the words need, by name: texts, numbers, paths, or sequences of these.
        """
        super().__init__(kind)
        self.kind = kind
        self.source = str(source)
        self.facts = facts

    def __str__(self) -> str:
        """Give kind and facts, for developers: `photo.jpg: image-too-large (width=50000, height=50000)`."""
        facts = ", ".join(f"{name}={value}" for name, value in self.facts.items())
        source = f"{self.source}: " if self.source else ""
        return f"{source}{self.kind} ({facts})" if facts else f"{source}{self.kind}"

    def __repr__(self) -> str:
        """Give what makes the error: `ImageError('image-too-large', source='photo.jpg', width=50000)`."""
        named = {"source": self.source} if self.source else {}
        parts = [repr(self.kind), *(f"{k}={v!r}" for k, v in (named | self.facts).items())]
        return f"{type(self).__name__}({', '.join(parts)})"

    def about(self, source: object) -> Self:
        """Give the same error about a source that its raiser does not know, such as the file that a row stands in."""
        whole = f"{source}: {self.source}" if self.source else source
        return type(self)(self.kind, source=whole, **self.facts)

    def recast(self, family: type[E]) -> E:
        """Give the same error as one of another class, for callers that promise that class."""
        return self if isinstance(self, family) else family(self.kind, source=self.source, **self.facts)


class ImageError(DalipError):
    """A photo cannot be read: missing, empty, not an image, damaged or too large."""


class DataError(DalipError):
    """Records, shards, tables or names of taxa are malformed."""


class BundleError(DalipError):
    """An encoder bundle is missing, incomplete, damaged or of an unknown version."""


class FloraError(DalipError):
    """A flora is missing, damaged, or was built with another encoder."""


class LibraryError(DalipError):
    """The user's photo library cannot be opened or updated."""


class JournalError(DalipError):
    """The user's journal of observations cannot be opened or changed."""


class TrainingError(DalipError):
    """A training run cannot start or continue."""


class ExportError(DalipError):
    """A model cannot be exported, or its export does not agree with it."""


class ServerError(DalipError):
    """A server cannot start as it was asked to."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file, row, member of an archive or folder that was not used, and why."""

    source: str
    """The path as it was given, or how else the source is called."""
    error: DalipError
    """Names the source, too."""

    @classmethod
    def of(cls, source: str, error: DalipError) -> Self:
        """Report an error about a source that its raiser did not know."""
        return cls(source, error if error.source else error.about(source))


def first_line(error: Exception) -> str:
    """Give what another library's error says, cut to one line; the error's class where it says nothing."""
    return next(iter(str(error).splitlines()), type(error).__name__)
