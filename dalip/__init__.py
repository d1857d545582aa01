"""The method and its files: photos, datasets, encoders, evaluation, training and export; no user interface."""

from importlib.metadata import PackageNotFoundError, version

__all__ = ["__version__"]

try:
    __version__ = version("dalip")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"
