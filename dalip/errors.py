"""Every error that DALIP raises on purpose.

```
DalipError
├── ImageError      a photo that cannot be read
├── DataError       records, shards, taxa files
├── BundleError     an exported encoder on disk
├── FloraError      a flora on disk
├── LibraryError    the user's photo library
├── JournalError    the user's observations
├── TrainingError   a run that cannot start or go on
└── ExportError     a model that cannot become a bundle
```

Messages are one line each: what is wrong, where, and what to do about it. Libraries raise these; only the
command line and the web page turn them into words for people.
"""

__all__ = [
    "BundleError",
    "DalipError",
    "DataError",
    "ExportError",
    "FloraError",
    "ImageError",
    "JournalError",
    "LibraryError",
    "TrainingError",
    "first_line",
]


class DalipError(Exception):
    """Base class of every error that DALIP raises on purpose."""

    def __init__(self, message: str, kind: str = "", **facts: object) -> None:
        """Say what went wrong.

        Args:
            message: One line in English.
            kind: Names what went wrong, for those who say it in other words or another language, such as the page;
                empty where nobody does.
            facts: What those words need, by name.
        """
        super().__init__(message)
        self.kind = kind
        self.facts = facts


class ImageError(DalipError):
    """A photo cannot be read: missing, empty, not an image, damaged or too large."""


class DataError(DalipError):
    """Records, shards or a taxa file are malformed."""


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


def first_line(error: Exception) -> str:
    """Give what another library's error says, cut to one line; the error's kind where it says nothing."""
    return next(iter(str(error).splitlines()), type(error).__name__)
