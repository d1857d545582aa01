"""Errors that the code raises, with their kinds and facts, found by parsing the source."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from paths import ROOT

import dalip.errors

__all__ = ["Raised", "errors_raised", "words_in_code"]

FOLDERS = ("dalip", "index/dalip_index", "app/dalip_app", "assets/dalip_assets")
CLASSES = {name for name in dalip.errors.__all__ if name.endswith("Error")}


@dataclass(frozen=True)
class Raised:
    """A place in the code where an error is created."""

    place: str
    kind: str
    facts: frozenset[str]
    open: bool
    """Whether more facts come from a dictionary, so that their names are unknown here."""


def errors_raised() -> list[Raised]:
    """Find every call of an error class with a kind in the whole code."""
    return [
        found
        for folder in FOLDERS
        for path in sorted((ROOT / folder).rglob("*.py"))
        for found in _in_file(path)
    ]


def _in_file(path: Path) -> Iterator[Raised]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if name in CLASSES and call.args:
            names = frozenset(word.arg for word in call.keywords if word.arg and word.arg != "source")
            more = any(word.arg is None for word in call.keywords)
            place = f"{path.relative_to(ROOT)}:{call.lineno}"
            yield from (Raised(place, kind, names, more) for kind in _kinds(call.args[0]))


def _kinds(argument: ast.expr) -> Iterator[str]:
    """Yield the kinds that an argument can be: a string, or a conditional expression of strings."""
    if isinstance(argument, ast.IfExp):
        yield from _kinds(argument.body)
        yield from _kinds(argument.orelse)
    elif isinstance(argument, ast.Constant) and isinstance(argument.value, str) and " " not in argument.value:
        yield argument.value


def words_in_code() -> set[str]:
    """Return all strings in the code except those in comparisons; kinds may be passed on before they are raised."""
    found = set[str]()
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*.py"):
            left: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
            while left:
                node = left.pop()
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    found.add(node.value)
                left.extend(part for part in ast.iter_child_nodes(node) if not isinstance(part, ast.Compare))
    return found
