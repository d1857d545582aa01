"""`DalipError` and its subclasses, each with a kind and facts, and `Skipped`, which reports an unused file or row.

```
DalipError
├── ImageError      a photo that cannot be read
├── DataError       records, shards, tables, names of taxa
├── BundleError     an exported encoder on disk
├── FloraError      a flora on disk
├── LibraryError    the user's photo library
├── JournalError    the user's observations
├── RegionError     the user's regions
├── TrainingError   a run that cannot start or continue
├── ExportError     a model that cannot become a bundle
├── HubError        a model hub that has no such model, or cannot be reached
└── ServerError     a server that cannot start as configured
```

Errors carry data, not sentences: a `kind`, the `source` that they are about, and `facts`. `dalip_app.messages` turns
them into messages for the command line, the page and the HTTP API, in every supported language.
"""

from dataclasses import dataclass
from typing import Self, TypeVar

__all__ = [
    "BundleError",
    "DalipError",
    "DataError",
    "ExportError",
    "FloraError",
    "HubError",
    "ImageError",
    "JournalError",
    "LibraryError",
    "RegionError",
    "ServerError",
    "Skipped",
    "TrainingError",
    "first_line",
]

E = TypeVar("E", bound="DalipError")


class DalipError(Exception):
    """Base class of every error that DALIP raises on purpose."""

    def __init__(self, kind: str, *, source: object = "", **facts: object) -> None:
        """Describe what went wrong.

        Args:
            kind: What went wrong, such as `image-damaged`; the message catalogue has an entry for each kind.
            source: What the error is about: a file, a table line or an archive member; empty if none applies.
            facts: Values that the message needs, by name: strings, numbers, paths, or sequences of these.
        """
        super().__init__(kind)
        self.kind = kind
        self.source = str(source)
        self.facts = facts

    def __str__(self) -> str:
        """Return kind and facts, for developers: `photo.jpg: image-too-large (width=50000, height=50000)`."""
        facts = ", ".join(f"{name}={value}" for name, value in self.facts.items())
        source = f"{self.source}: " if self.source else ""
        return f"{source}{self.kind} ({facts})" if facts else f"{source}{self.kind}"

    def __repr__(self) -> str:
        """Return the call that creates the error: `ImageError('image-too-large', source='photo.jpg', width=50000)`."""
        named = {"source": self.source} if self.source else {}
        parts = [repr(self.kind), *(f"{k}={v!r}" for k, v in (named | self.facts).items())]
        return f"{type(self).__name__}({', '.join(parts)})"

    def about(self, source: object) -> Self:
        """Return the same error with a source that its raiser does not know, such as the file that contains a row."""
        whole = f"{source}: {self.source}" if self.source else source
        return type(self)(self.kind, source=whole, **self.facts)

    def recast(self, family: type[E]) -> E:
        """Return the same error as an instance of another class, for callers that document that class."""
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


class RegionError(DalipError):
    """The user's regions cannot be opened or changed, or do not contain what is asked for."""


class TrainingError(DalipError):
    """A training run cannot start or continue."""


class ExportError(DalipError):
    """A model cannot be exported, or its export does not agree with it."""


class HubError(DalipError):
    """A model hub cannot be reached, or does not have a model."""


class ServerError(DalipError):
    """A server cannot start as configured."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file, row, member of an archive or folder that was not used, and why."""

    source: str
    """The path as given, or another name for the source."""
    error: DalipError
    """Why; it also names the source."""

    @classmethod
    def of(cls, source: str, error: DalipError) -> Self:
        """Create a report, adding the source to an error that has none."""
        return cls(source, error if error.source else error.about(source))


def first_line(error: Exception) -> str:
    """Return the first line of another library's error message, or the error's class name if the message is empty."""
    return next(iter(str(error).splitlines()), type(error).__name__)
