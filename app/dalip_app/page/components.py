"""Small components shared by several tabs."""

from typing import Any

import gradio as gr

__all__ = ["QUIET", "live_html"]

QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
"""Settings of an event that handles its own progress display and is not part of the API."""


def live_html(value: str, elem_id: str) -> gr.HTML:
    """Lay out an area whose changes screen readers announce."""
    speak = "element.setAttribute('aria-live', 'polite');"
    return gr.HTML(value, elem_id=elem_id, apply_default_css=False, js_on_load=speak)
