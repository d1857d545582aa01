"""Routes for the photos of the library, addressed by hash, never by path."""

from contextlib import suppress

from fastapi import FastAPI
from fastapi.responses import FileResponse, Response

from dalip.errors import DalipError
from dalip.photos import small_copy
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
        with suppress(DalipError, OSError):  # the file was changed or deleted since it was indexed
            path = library.path_of(content)
            if path and path.stat().st_size <= MAX_FILE:
                return FileResponse(path, media_type="application/octet-stream", headers=_KEEP)
            if path:
                return Response(small_copy(path.read_bytes()), media_type="image/jpeg", headers=_KEEP)
        return Response(status_code=404)
