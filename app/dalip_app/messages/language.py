"""Translations: read the message catalogue `texts/LANGUAGE/*.ftl` and choose a visitor's language.

The files are in Fluent (https://projectfluent.org), a format that translation tools support and that handles the
plurals and numbers of every language. To add a language, translate `answer.ftl` and `page.ftl` in `texts/en` and the
errors that the page shows; a test lists what is missing. Errors without a text in a language are shown in English.
"""

from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["LANGUAGES", "Language", "language", "preferred"]

_TEXTS = Path(__file__).parent / "texts"

LANGUAGES = ("en", *sorted({path.name for path in _TEXTS.iterdir() if path.is_dir()} - {"en"}))
"""Codes (ISO 639-1) of the languages with a catalogue, English first."""


class Language:
    """A language, which returns the text for a key when called."""

    def __init__(self, code: str) -> None:
        """Open the catalogue.

        Args:
            code: One of `LANGUAGES`.
        """
        from fluent.runtime import FluentBundle  # slow to import

        self.code = code
        self._bundle = FluentBundle([code], functions={"NUMBER": _number}, use_isolating=False)
        self._read: set[str] = set()

    def has(self, key: str) -> bool:
        """Return whether the language has a text for a key."""
        # A file is read when a text in it is first needed, because parsing is slow.
        for files in ("errors*.ftl",) if key.startswith("error-") else ("answer.ftl", "page.ftl"):
            if not self._bundle.has_message(key) and files not in self._read:
                self._add(files)
        return bool(self._bundle.has_message(key))

    def _add(self, files: str) -> None:
        from fluent.runtime import FluentResource

        for path in sorted((_TEXTS / self.code).glob(files)):
            self._bundle.add_resource(FluentResource(path.read_text(encoding="utf-8")))
        self._read.add(files)

    def __call__(self, key: str, /, **facts: Any) -> str:
        """Return a text.

        Args:
            key: The key of the text.
            facts: The values of its variables. Strings are inserted unchanged, so they must be HTML where the text is
                shown as HTML; numbers are formatted for the language.

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


def _number(value: Any, **options: Any) -> Any:
    """Format as Fluent's `NUMBER`, but accept strings, which stand for numbers that Fluent cannot format."""
    from fluent.runtime.types import fluent_number

    return value if isinstance(value, str) else fluent_number(value, **options)


@cache
def language(code: str = "en") -> Language:
    """Return a language; each is read only once.

    Args:
        code: One of `LANGUAGES`.
    """
    return Language(code)


def preferred(accept_language: str) -> str:
    """Choose the language for a visitor.

    Args:
        accept_language: The `Accept-Language` header, such as `fr-CH, fr;q=0.9, en;q=0.8`.

    Returns:
        One of `LANGUAGES`; English if the visitor requests none of them.
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
