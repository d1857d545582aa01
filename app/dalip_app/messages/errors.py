"""Error messages: turn the kind and facts of an error into a sentence in the reader's language."""

from collections.abc import Sequence
from typing import Any, Literal

from dalip.errors import DalipError
from dalip_app.messages.language import Language, language

__all__ = ["describe", "sentence_about"]

Medium = Literal["command", "page", "api"]
"""Where the message is read, because the remedy may differ."""

_LONGEST = 2000
_LARGEST = 10**15  # Fluent cannot format larger numbers, which only occur in damaged files


def describe(error: DalipError, say: Language | None = None, medium: Medium = "command") -> str:
    """Return one line with the error and its remedy: `photo.jpg: the file is empty; copy or download it again`.

    Args:
        error: The error.
        say: The language. English by default, and for kinds of errors that the language has no text for.
        medium: Where the message is read.
    """
    say = say or language()
    facts = {name: _plain(fact, say, medium) for name, fact in error.facts.items()}
    text = say(f"error-{error.kind}", **facts, medium=medium)
    return say("fault-of", source=_cut(error.source), fault=_cut(text)) if error.source else text


def sentence_about(error: DalipError, say: Language) -> str:
    """Return an error as a sentence for the page, after its source if it has one."""
    text = describe(error, say, "page")
    named = (error.source, *map(str, error.facts.values()))
    if not any(text.startswith(name) for name in named if name):  # names and dates keep their capitals
        text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "?")) else f"{text}."


def _plain(fact: object, say: Language, medium: Medium) -> Any:
    """Convert a fact for the catalogue: numbers stay numbers, everything else becomes a string."""
    if isinstance(fact, DalipError):
        return _cut(describe(fact, say, medium))
    if isinstance(fact, int | float) and abs(fact) < _LARGEST:
        return fact
    if isinstance(fact, Sequence) and not isinstance(fact, str | bytes):
        return _cut(", ".join(str(_plain(part, say, medium)) for part in fact))
    return _cut(str(fact))


def _cut(text: str) -> str:
    """Shorten a long text in the middle, to stay readable and below Fluent's limit of 2,500 characters."""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2]}…{text[-_LONGEST // 2 :]}"
