"""Word errors: a kind and its facts become a sentence, here and nowhere else."""

from collections.abc import Sequence
from typing import Any, Literal

from dalip.errors import DalipError
from dalip_app.messages.language import Language, language

__all__ = ["describe", "sentence_about"]

Medium = Literal["command", "page", "api"]
"""Where it is read: what to do about it may differ."""

_LONGEST = 2000
_LARGEST = 10**15  # larger numbers, which only a damaged file holds, are more than Fluent can write


def describe(error: DalipError, say: Language | None = None, medium: Medium = "command") -> str:
    """Say in one line what went wrong, and what to do: `photo.jpg: the file is empty; copy or download it again`.

    Args:
        error: What went wrong.
        say: The language; English by default, and where it has no text for this kind of error.
        medium: Where it is read.
    """
    say = say or language()
    facts = {name: _plain(fact, say, medium) for name, fact in error.facts.items()}
    text = say(f"error-{error.kind}", **facts, medium=medium)
    return say("fault-of", source=_cut(error.source), fault=_cut(text)) if error.source else text


def sentence_about(error: DalipError, say: Language) -> str:
    """Say it for someone who reads a page: as a sentence, or behind what it is about."""
    text = describe(error, say, "page")
    named = (error.source, *map(str, error.facts.values()))
    if not any(text.startswith(name) for name in named if name):  # names and dates stay as they were written
        text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "?")) else f"{text}."


def _plain(fact: object, say: Language, medium: Medium) -> Any:
    """Give a fact as the catalogue takes it: a number as it is, everything else as text."""
    if isinstance(fact, DalipError):
        return _cut(describe(fact, say, medium))
    if isinstance(fact, int | float) and abs(fact) < _LARGEST:
        return fact
    if isinstance(fact, Sequence) and not isinstance(fact, str | bytes):
        return _cut(", ".join(str(_plain(part, say, medium)) for part in fact))
    return _cut(str(fact))


def _cut(text: str) -> str:
    """Cut the middle out of a text that is too long to read, and for Fluent, which takes 2,500 characters."""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2]}…{text[-_LONGEST // 2 :]}"
