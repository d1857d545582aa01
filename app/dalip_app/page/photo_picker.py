"""The form that takes photos: from files, the camera, the clipboard, or dropped."""

import base64
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder
from PIL import Image, ImageOps

from dalip.errors import DalipError, ImageError
from dalip.photos import ImageSource, encode, open_image, shrink
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
"""Longer side of a photo as it is shown, in pixels."""

_STATIC = Path(__file__).parent / "static"
_QUALITY = 85


def make_picker(
    say: Language, invitation: str, elem_id: str, *classes: str, several: bool = False
) -> gr.HTML:
    """Make a picker; its event is `upload`, and what it hands over is read with `read_uploads`.

    Gradio's own image component decodes the upload with Pillow alone, and refuses what browsers cannot show.
    This is no subclass of `gr.HTML`, for Gradio would write a stub file for it into this folder.

    Args:
        say: The language.
        invitation: Key of the text that says what to choose; also the label that screen readers speak.
        elem_id: The element's id on the page.
        classes: The element's classes.
        several: Whether up to five photos can be chosen at once.
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
        state="empty",  # then `busy`, set by the browser, and `done` or `failed`
        preview="",
        note="",
        answered=0,  # differs in every update, for Gradio drops one that repeats the last
    )


def look_at(
    payload: Any, answer: Callable[[list[bytes]], str], nothing: str, say: Language
) -> tuple[gr.HTML, str]:
    """Answer for uploaded photos. Of several, those that can be read are answered for, and the others are reported.

    Args:
        payload: What a picker hands over.
        answer: Gives the answer to image files, as HTML.
        nothing: The answer where there is none.
        say: The language.

    Returns:
        The picker with a preview and the answer; or with what went wrong.
    """
    try:
        readable: list[bytes] = []
        pictures: list[Image.Image] = []
        problems: list[ImageError] = []
        for data in read_uploads(payload):
            try:
                pictures.append(open_image(data, target=PREVIEW // 2))
                readable.append(data)
            except ImageError as error:
                problems.append(error)
        if not readable:
            raise problems[0]
        told = "".join(notice(sentence_about(error, say), bad=True) for error in problems)
        return _show_photo(to_data_uri(_contact_sheet(pictures), PREVIEW)), told + answer(readable)
    except DalipError as error:
        return _show_problem(sentence_about(error, say)), nothing


def empty_picker() -> gr.HTML:
    """Update a picker: show none of what was chosen."""
    return gr.HTML(state="empty", preview="", note="", answered=time.time_ns())


def _show_photo(preview: str) -> gr.HTML:
    return gr.HTML(state="done", preview=preview, note="", answered=time.time_ns())


def _show_problem(note: str) -> gr.HTML:
    return gr.HTML(state="failed", preview="", note=note, answered=time.time_ns())


def read_uploads(payload: Any) -> list[bytes]:
    """Read the files that a picker hands over.

    Args:
        payload: What the browser sent. Anyone can send anything: it must name one to five files that were uploaded
            here.

    Raises:
        ImageError: There is no such file.
    """
    if not isinstance(payload, list) or not 1 <= len(payload) <= MAX_PHOTOS:
        raise ImageError("upload-number", most=MAX_PHOTOS)
    return [read_upload(file) for file in payload]


def read_upload(payload: Any) -> bytes:
    """Read one file that was uploaded here.

    Args:
        payload: What Gradio says of it, with its `path`.

    Raises:
        ImageError: There is no such file.
    """
    try:
        path = Path(payload["path"]).resolve(strict=True)
        if path.is_relative_to(Path(get_upload_folder()).resolve()):
            return path.read_bytes()
    except (OSError, KeyError, TypeError, ValueError):
        pass
    raise ImageError("upload-gone")


def _contact_sheet(photos: Sequence[Image.Image]) -> Image.Image:
    """Put photos side by side, the middle square of each; one alone stays as it is."""
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
        ImageError: It cannot be read.
    """
    return to_data_uri(open_image(source, target=side // 2), side)


def to_data_uri(image: Image.Image, side: int) -> str:
    """Make a small JPEG of a photo that can stand in a page, so that no file need be served.

    Args:
        image: Of mode RGB.
        side: Length of the longer side in pixels; smaller photos keep their size.
    """
    small = encode(shrink(image, long_side=side), "JPEG", _QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(small).decode()
