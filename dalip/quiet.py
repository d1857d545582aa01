"""What programs do, and a library must not, so that Pillow's remarks on odd photos do not reach their users."""

import logging
import warnings

__all__ = ["ignore_pillow_warnings"]


def ignore_pillow_warnings() -> None:
    """Ignore what Pillow warns of, in the whole process: for commands, and for processes that they start.

    Pillow reports oddities of a file (broken EXIF, say) as Python warnings, and some in its log, which ends on stderr
    where nothing else was set. A photo that cannot be read is an error of its own. A library cannot
    silence the rest for the length of a call, for `warnings.catch_warnings` is not safe in threads that decode photos.
    """
    warnings.filterwarnings("ignore", category=Warning, module=r"PIL\.|pillow_heif")
    logging.getLogger("PIL").setLevel(logging.CRITICAL)
