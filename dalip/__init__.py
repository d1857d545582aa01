"""DALIP: distribution-aligned language-image pre-training for domain data. Importing it loads no torch."""

from importlib.metadata import PackageNotFoundError, version

__all__ = ["__version__"]

try:
    __version__ = version("dalip")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"
