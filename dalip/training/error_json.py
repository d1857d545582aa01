"""JSON form of errors, so that a resumed run can still report skipped photos."""

import json
from collections.abc import Sequence
from typing import Any

from dalip import errors
from dalip.errors import DalipError, ImageError

__all__ = ["read_error", "write_error"]


def write_error(error: DalipError) -> str:
    """Return an error as JSON; equal errors return equal strings."""
    return json.dumps(_data(error), sort_keys=True)


def read_error(text: str) -> DalipError:
    """Read an error from `write_error`; a sentence, as stored by earlier versions of DALIP, becomes its cause."""
    try:
        return _error(json.loads(text))
    except (ValueError, TypeError, KeyError, AttributeError):
        return ImageError("image-not-read", cause=text)


def _data(value: object) -> Any:
    if isinstance(value, DalipError):
        facts = {name: _data(fact) for name, fact in value.facts.items()}
        return {
            "class": type(value).__name__,
            "kind": value.kind,
            "source": value.source,
            "facts": facts,
        }
    if value is None or isinstance(value, int | float):
        return value
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_data(part) for part in value]
    return str(value)


def _error(data: dict[str, Any]) -> DalipError:
    kind: type[DalipError] = getattr(errors, data["class"])
    facts: dict[str, Any] = {
        name: _error(fact) if isinstance(fact, dict) else fact for name, fact in data["facts"].items()
    }
    return kind(data["kind"], source=data["source"], **facts)
