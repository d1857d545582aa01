"""Routes for the photos of the library, addressed by hash, never by path."""

from contextlib import suppress
from hashlib import sha256

from fastapi import FastAPI
from fastapi.responses import Response

from dalip.errors import DalipError
from dalip.photos import open_file, small_copy
from dalip_app.server.uploads import MAX_FILE
from dalip_index import Library

__all__ = ["add_photo_routes", "photo_address", "thumbnail_address"]

# Content with a given SHA-256 never changes.
_KEEP = {"cache-control": "private, max-age=31536000, immutable"}


def thumbnail_address(content: str) -> str:
    """Return the URL path of the thumbnail of a photo.

    Args:
        content: SHA-256 of the photo file.
    """
    return f"/library/{content}/small.jpg"


def photo_address(content: str) -> str:
    """Return the URL path of a photo.

    Args:
        content: SHA-256 of the photo file.
    """
    return f"/library/{content}/photo"


def add_photo_routes(app: FastAPI, library: Library) -> None:
    """Add the photo routes; files within the upload limit are sent unchanged, larger ones as small copies.

    Args:
        app: The application; this must happen before Gradio is mounted.
        library: The library of photos.
    """

    @app.get(thumbnail_address("{content}"), include_in_schema=False)
    def small(content: str) -> Response:
        with suppress(DalipError):
            found = library.thumbnail(content)
            if found:
                return Response(found, media_type="image/jpeg", headers=_KEEP)
        return Response(status_code=404)

    @app.get(photo_address("{content}"), include_in_schema=False)
    def photo(content: str) -> Response:
        with suppress(DalipError, OSError):  # the file was deleted since it was indexed
            if (path := library.path_of(content)) is not None:
                with open_file(path) as file:
                    found = file.read()
                if sha256(found).hexdigest() == content:  # otherwise, the file was changed since then
                    large = len(found) > MAX_FILE
                    kind = "image/jpeg" if large else "application/octet-stream"
                    return Response(small_copy(found) if large else found, media_type=kind, headers=_KEEP)
        return Response(status_code=404)
