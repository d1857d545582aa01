"""Text that is safe to print."""

__all__ = ["one_line"]


def one_line(text: object) -> str:
    """Make a text safe to print as one line: control characters, as file names may hold, become escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text))
