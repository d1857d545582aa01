"""The photo picker: files, camera, clipboard, and drag and drop."""

import base64
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder
from PIL import Image, ImageOps

from dalip.errors import DalipError, ImageError
from dalip.photos import ImageSource, caution_about, encode, open_image, shrink
from dalip_app.messages.errors import sentence_about
from dalip_app.messages.language import Language
from dalip_app.page.cards import notice
from dalip_app.server.api import MAX_PHOTOS

__all__ = [
    "PREVIEW",
    "empty_picker",
    "look_at",
    "make_picker",
    "read_upload",
    "read_uploads",
    "thumbnail",
    "to_data_uri",
]

PREVIEW = 1024
"""Longer side of the preview, in pixels."""

_STATIC = Path(__file__).parent / "static"
_QUALITY = 85


def make_picker(
    say: Language, invitation: str, elem_id: str, *classes: str, several: bool = False
) -> gr.HTML:
    """Make a picker; its event is `upload`, and its value is read with `read_uploads`.

    Gradio's image component decodes uploads with Pillow alone and rejects formats that browsers cannot show. This is
    not a subclass of `gr.HTML`, because Gradio would write a stub file for it into this folder.

    Args:
        say: The language.
        invitation: Key of the message that says what to choose; also the label for screen readers.
        elem_id: The element's id on the page.
        classes: The element's classes.
        several: Whether up to five photos can be chosen together.
    """
    return gr.HTML(
        None,
        html_template=(_STATIC / "photo_picker.html").read_text(encoding="utf-8"),
        js_on_load=(_STATIC / "photo_picker.js").read_text(encoding="utf-8"),
        apply_default_css=False,
        elem_id=elem_id,
        elem_classes=list(classes),
        invitation=say(invitation),
        several=several,
        most=MAX_PHOTOS if several else 1,
        hint=say("picker-hint-several" if several else "picker-hint-one"),
        choose=say("picker-choose"),
        camera=say("picker-camera"),
        again=say("picker-again"),
        busy=say("picker-busy"),
        chosen=say("picker-chosen"),
        too_large=say("picker-too-large"),
        too_many=say("picker-too-many", most=MAX_PHOTOS if several else 1),
        not_sent=say("picker-not-sent"),
        state="empty",  # then `busy`, set by the browser, and finally `done` or `failed`
        preview="",
        note="",
        answered=0,  # differs in every update, because Gradio drops repeated values
    )


def look_at(
    payload: Any, answer: Callable[[list[bytes]], str], nothing: str, say: Language
) -> tuple[gr.HTML, str]:
    """Answer for all uploaded photos that can be read, and report the others.

    Args:
        payload: Value of a picker.
        answer: Returns the answer for image files as HTML.
        nothing: HTML to show if no photo can be read.
        say: The language.

    Returns:
        The updated picker, with a preview or an error message, and the answer as HTML.
    """
    try:
        readable: list[bytes] = []
        pictures: list[Image.Image] = []
        problems: list[ImageError] = []
        cautions: list[ImageError] = []
        for data in read_uploads(payload):
            try:
                pictures.append(open_image(data, target=PREVIEW // 2))
                readable.append(data)
                cautions += filter(None, [caution_about(data)])
            except ImageError as error:
                problems.append(error)
        if not readable:
            raise problems[0]
        told = "".join(notice(sentence_about(error, say), bad=True) for error in (*problems, *cautions))
        return _show_photo(to_data_uri(_contact_sheet(pictures), PREVIEW)), told + answer(readable)
    except DalipError as error:
        return _show_problem(sentence_about(error, say)), nothing


def empty_picker() -> gr.HTML:
    """Return an update that clears a picker."""
    return gr.HTML(state="empty", preview="", note="", answered=time.time_ns())


def _show_photo(preview: str) -> gr.HTML:
    return gr.HTML(state="done", preview=preview, note="", answered=time.time_ns())


def _show_problem(note: str) -> gr.HTML:
    return gr.HTML(state="failed", preview="", note=note, answered=time.time_ns())


def read_uploads(payload: Any) -> list[bytes]:
    """Read the files in the value of a picker.

    Args:
        payload: Untrusted data from the browser; it must list one to five files that were uploaded here.

    Raises:
        ImageError: The number of files is wrong, or a file does not exist or was not uploaded here.
    """
    if not isinstance(payload, list) or not 1 <= len(payload) <= MAX_PHOTOS:
        raise ImageError("upload-number", most=MAX_PHOTOS)
    return [read_upload(file) for file in payload]


def read_upload(payload: Any) -> bytes:
    """Read one file that was uploaded here.

    Args:
        payload: Gradio's description of the file, with its `path`.

    Raises:
        ImageError: The file does not exist or was not uploaded here.
    """
    try:
        path = Path(payload["path"]).resolve(strict=True)
        if path.is_relative_to(Path(get_upload_folder()).resolve()):
            return path.read_bytes()
    except (OSError, KeyError, TypeError, ValueError):
        pass
    raise ImageError("upload-gone")


def _contact_sheet(photos: Sequence[Image.Image]) -> Image.Image:
    """Put the middle squares of several photos side by side; a single photo is returned unchanged."""
    if len(photos) == 1:
        return photos[0]
    side = min(min(photo.size) for photo in photos)
    sheet = Image.new("RGB", (side * len(photos), side))
    for place, photo in enumerate(photos):
        sheet.paste(ImageOps.fit(photo, (side, side)), (place * side, 0))
    return sheet


def thumbnail(source: ImageSource, side: int) -> str:
    """Make a small JPEG of a photo file; see `to_data_uri`.

    Raises:
        ImageError: The photo cannot be read.
    """
    return to_data_uri(open_image(source, target=side // 2), side)


def to_data_uri(image: Image.Image, side: int) -> str:
    """Make a small JPEG of a photo as a data URI, so that no file has to be served.

    Args:
        image: Image in RGB mode.
        side: Length of the longer side in pixels; smaller photos keep their size.
    """
    small = encode(shrink(image, long_side=side), "JPEG", _QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(small).decode()
