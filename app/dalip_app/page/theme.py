"""The Gradio theme: colours and fonts of the page; the rest is in `static/page.css`."""

import gradio as gr

__all__ = ["PAPER", "make_theme"]

# The same as in page.css: Gradio paints the page with these before any style sheet is loaded.
PAPER = ("#f7f5ee", "#121813")
"""Background colour of the page in light and dark mode."""
_INK = ("#1f2b23", "#e7ebe1")


def make_theme() -> gr.themes.Base:
    """Make the theme: a light and a dark colour scheme, and only fonts that need no download."""
    return gr.themes.Base(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]).set(
        body_background_fill=PAPER[0],
        body_background_fill_dark=PAPER[1],
        body_text_color=_INK[0],
        body_text_color_dark=_INK[1],
        **{
            f"{name}{mode}": value
            for mode in ("", "_dark")
            for name, value in {
                "body_text_color_subdued": "var(--soft-ink)",
                "background_fill_primary": "var(--card)",
                "background_fill_secondary": "var(--paper)",
                "border_color_primary": "var(--line)",
                "border_color_accent": "var(--leaf)",
                "color_accent_soft": "var(--mist)",
                "link_text_color": "var(--leaf)",
                "link_text_color_hover": "var(--leaf-strong)",
                "block_background_fill": "transparent",
                "block_border_width": "0px",
                "block_label_text_color": "var(--soft-ink)",
                "block_title_text_color": "var(--ink)",
                "input_background_fill": "var(--card)",
                "input_background_fill_focus": "var(--card)",
                "input_border_color": "var(--line-strong)",
                "input_border_color_focus": "var(--leaf)",
                "input_border_width": "1px",
                "input_placeholder_color": "var(--faint-ink)",
                "button_primary_background_fill": "var(--leaf)",
                "button_primary_background_fill_hover": "var(--leaf-strong)",
                "button_primary_text_color": "var(--on-leaf)",
                "button_primary_border_color": "transparent",
                "button_secondary_background_fill": "var(--card)",
                "button_secondary_background_fill_hover": "var(--mist)",
                "button_secondary_text_color": "var(--ink)",
                "button_secondary_border_color": "var(--line-strong)",
                "loader_color": "var(--leaf)",
                "error_text_color": "var(--rust)",
            }.items()
        },
        color_accent="var(--leaf)",
        block_padding="0px",
        layout_gap="1.25rem",
        input_radius="10px",
        button_large_radius="10px",
        button_medium_radius="10px",
        block_radius="0px",
    )
