"""JSON with one missing or changed field, to test its readers."""

from typing import Any

from hypothesis import strategies as st

__all__ = ["spoil"]


def spoil(fields: dict[str, Any], data: st.DataObject, values: st.SearchStrategy[Any]) -> None:
    """Delete or change a field of a JSON object or of a nested object."""
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
