"""Read the catalogue of texts, `texts/LANGUAGE/*.ftl`, and choose the language of a visitor.

The files are in Fluent (https://projectfluent.org), which translators' tools read, and which knows the plurals and
the numbers of every language. To add a language, translate `texts/en/page.ftl`, and of the errors those that the page
shows; a test says what is missing. An error that has no text in a language is shown in English.
"""

from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["LANGUAGES", "Language", "language", "preferred"]

_TEXTS = Path(__file__).parent / "texts"

LANGUAGES = ("en", *sorted({path.name for path in _TEXTS.iterdir() if path.is_dir()} - {"en"}))
"""Codes of the languages (ISO 639-1) that there is a catalogue for, English first."""


class Language:
    """A language: called with the key of a text, it says it."""

    def __init__(self, code: str) -> None:
        """Read the catalogue.

        Args:
            code: One of `LANGUAGES`.
        """
        from fluent.runtime import FluentBundle  # which takes a while

        self.code = code
        self._bundle = FluentBundle([code], use_isolating=False)
        self._knows_errors = False
        self._read("page.ftl")

    def _read(self, files: str) -> None:
        from fluent.runtime import FluentResource

        for path in sorted((_TEXTS / self.code).glob(files)):
            self._bundle.add_resource(FluentResource(path.read_text(encoding="utf-8")))

    def has(self, key: str) -> bool:
        """Say whether there is a text."""
        if key.startswith("error-") and not self._knows_errors:
            self._read("errors*.ftl")  # which takes as long as all the rest of a short answer's words
            self._knows_errors = True
        return bool(self._bundle.has_message(key))

    def __call__(self, key: str, /, **facts: Any) -> str:
        """Give a text.

        Args:
            key: Of the text.
            facts: What stands in it: words as they are, which are HTML where the text is shown as HTML; numbers are
                written as the language writes them.

        Raises:
            LookupError: There is no such text, or a fact is missing.
        """
        if not self.has(key) and key.startswith("error-") and self.code != "en":
            return language()(key, **facts)
        pattern = self._bundle.get_message(key).value
        assert pattern is not None, f"{self.code}.ftl, {key}: has no text"
        text, errors = self._bundle.format_pattern(pattern, facts)
        if errors:
            raise LookupError(f"{self.code}.ftl, {key}: {errors[0]}")
        return str(text)


@cache
def language(code: str = "en") -> Language:
    """Give a language, read once.

    Args:
        code: One of `LANGUAGES`.
    """
    return Language(code)


def preferred(accept_language: str) -> str:
    """Choose the language for a visitor.

    Args:
        accept_language: The header of that name, such as `fr-CH, fr;q=0.9, en;q=0.8`.

    Returns:
        One of `LANGUAGES`; English where none of them is asked for.
    """
    asked: dict[str, float] = {}
    for part in accept_language.split(","):
        name, _, quality = part.partition(";")
        try:
            share = float(quality.strip().removeprefix("q=") or 1)
        except ValueError:
            share = 0.0
        asked.setdefault(name.strip()[:2].lower(), share)
    known = [code for code in asked if code in LANGUAGES and asked[code] > 0]
    return max(known, key=lambda code: asked[code], default="en")
