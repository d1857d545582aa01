"""JSON with one field that is not as it was written: for tests of what reads it."""

from typing import Any

from hypothesis import strategies as st

__all__ = ["spoil"]


def spoil(fields: dict[str, Any], data: st.DataObject, values: st.SearchStrategy[Any]) -> None:
    """Delete a field of an object, or of one in it, or give it another value."""
    place = fields
    while True:
        key = data.draw(st.sampled_from(sorted(place)))
        if not (isinstance(place[key], dict) and place[key] and data.draw(st.booleans())):
            break
        place = place[key]
    if data.draw(st.booleans()):
        del place[key]
    else:
        place[key] = data.draw(values)
