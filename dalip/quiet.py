"""Silence Pillow's warnings about odd photos in the whole process; for programs, because a library must not do that."""

import logging
import warnings

__all__ = ["ignore_pillow_warnings"]


def ignore_pillow_warnings() -> None:
    """Ignore Pillow's warnings in the whole process; for commands and the processes that they start.

    Pillow reports oddities in a file, such as broken EXIF data, as Python warnings and partly in its log, which goes to
    stderr unless configured otherwise. A photo that cannot be read raises an error in any case. A library cannot
    silence the warnings for the duration of a call, because `warnings.catch_warnings` is not thread-safe and photos
    are decoded in threads.
    """
    warnings.filterwarnings("ignore", category=Warning, module=r"PIL\.|pillow_heif")
    logging.getLogger("PIL").setLevel(logging.CRITICAL)
