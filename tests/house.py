"""House rules: functions that list violations, which `test_house.py` runs on the code and on examples."""

import ast
import contextlib
import re
import textwrap
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

__all__ = [
    "crowded",
    "interface",
    "modules_of",
    "private_patches",
    "repeated_lines",
    "repeated_names",
    "unused_names",
]

MODULES = 18  # in one package, without `__init__`
LINES = 8  # number of lines that two places must not share


def modules_of(roots: Iterable[Path]) -> dict[str, Path]:
    """Return the file of each module, by module name, in the packages at these paths."""
    return {
        ".".join(path.relative_to(root.parent).with_suffix("").parts).removesuffix(".__init__"): path
        for root in roots
        for path in sorted(root.rglob("*.py"))
    }


def interface(module: Path) -> Path:
    """Return the file that says what a module exports: the stub of a package that imports its modules when needed."""
    stub = module.with_suffix(".pyi")
    return stub if stub.exists() else module


def crowded(roots: Iterable[Path]) -> list[str]:
    """List packages with more modules than a newcomer can keep in mind."""
    found = Counter(path.parent for path in modules_of(roots).values() if path.name != "__init__.py")
    return [f"{folder}: {number} modules" for folder, number in found.items() if number > MODULES]


def repeated_names(root: Path) -> list[str]:
    """List file names that occur twice in a package: they are ambiguous in editor tabs and tracebacks."""
    found = Counter(path.name for path in root.rglob("*.py") if path.name != "__init__.py")
    return [f"{root.name}: {name} is there {number} times" for name, number in found.items() if number > 1]


def repeated_lines(roots: Iterable[Path]) -> list[str]:
    """List places that share eight lines or more.

    Blank lines, imports and `__all__` do not count. Plain parameters do not count either, because two functions with
    the same parameters must both declare them. Options of commands count.
    """
    seen: dict[tuple[str, ...], tuple[Path, int]] = {}
    found: list[str] = []
    for path in modules_of(roots).values():
        lines = _lines_that_count(path)
        ends_at = -1  # end of the last reported place, because its windows overlap
        for start in range(len(lines) - LINES + 1):
            window = tuple(text for _, text in lines[start : start + LINES])
            first, line = seen.setdefault(window, (path, lines[start][0]))
            if (first, line) == (path, lines[start][0]):
                continue
            if start > ends_at:
                found.append(f"{path}:{lines[start][0]} repeats {first}:{line}")
            ends_at = start
    return found


def _lines_that_count(path: Path) -> list[tuple[int, str]]:
    text = path.read_text(encoding="utf-8")
    left_out: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import | ast.ImportFrom) or _is_all(node) or _is_plain_parameter(node):
            assert isinstance(node, ast.stmt | ast.arg)
            left_out |= {*range(node.lineno, (node.end_lineno or node.lineno) + 1)}
    lines = enumerate(map(str.strip, text.splitlines()), start=1)
    return [(number, line) for number, line in lines if line and number not in left_out]


def _is_all(node: ast.AST) -> bool:
    return isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["__all__"]


def _is_plain_parameter(node: ast.AST) -> bool:
    return isinstance(node, ast.arg) and "Annotated[" not in ast.unparse(node)


def unused_names(
    roots: Iterable[Path], others: Iterable[Path], tests: Iterable[Path], pages: str
) -> list[str]:
    """List public names (those in `__all__`) that no other module uses and no page documents.

    Use in tests counts only if the module also uses the name itself, so a name used only in tests is listed.

    Args:
        roots: The packages.
        others: Other files that use them, such as benchmarks.
        tests: Tests of the packages.
        pages: All documentation in Markdown, and the text that defines the commands.
    """
    modules = modules_of(roots)
    used: dict[str, set[str]] = defaultdict(set)  # the files that use each `module.name`
    for path in (*map(interface, modules.values()), *others):
        for name in _uses(path, modules):
            used[name].add(str(path))
    tested = {name for path in tests for name in _uses(path, modules)}
    found = []
    for module, path in modules.items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        (names,) = [ast.literal_eval(node.value) for node in tree.body if _is_all(node)] or [[]]  # type: ignore[attr-defined]
        for name in names if path.name != "__init__.py" else ():
            own = Counter(node.id for node in ast.walk(tree) if isinstance(node, ast.Name))[name]
            if (
                used[f"{module}.{name}"] - {str(path)}
                or f"{module}:{name}" in pages
                or _documented(name, pages)
            ):
                continue
            if not (own and f"{module}.{name}" in tested):
                found.append(f"{module}.{name}")
    return found


def _uses(path: Path, modules: dict[str, Path]) -> Iterator[str]:
    """Yield `module.name` for every name that a file imports, or accesses in a module that it imports."""
    aliases: dict[str, str] = {}
    tree = ast.parse(path.read_text(encoding="utf-8"))
    package = next((name for name, file in modules.items() if interface(file) == path), "")
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            origin = f"{package}.{node.module}" if node.level else node.module  # only stubs import relatively
            for alias in node.names:
                name = f"{origin}.{alias.name}"
                if name in modules:
                    aliases[alias.asname or alias.name] = name
                yield name
        elif isinstance(node, ast.Import):
            aliases |= {alias.asname or alias.name: alias.name for alias in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            owner = ast.unparse(node.value)
            yield f"{aliases.get(owner, owner)}.{node.attr}"
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".setattr"):
            owner, name = (ast.unparse(argument) for argument in node.args[:2])
            yield f"{aliases.get(owner, owner)}.{name.strip(chr(39))}"


def _documented(name: str, pages: str) -> bool:
    """Return whether a page mentions a name as code: alone in backticks, or in a Python example."""
    examples = "".join(re.findall(r"```python\n(.*?)```", pages, re.DOTALL))
    return bool(re.search(rf"`([\w.]+\.)?{name}(\(.*?\))?`", pages) or re.search(rf"\b{name}\b", examples))


def private_patches(paths: Iterable[Path]) -> list[str]:
    """List where tests replace a private name of the code that they test, including code run in other processes.

    A name can be replaced by the methods of `monkeypatch` and `mock.patch`, by `setattr`, by an assignment to it, or by
    an assignment to an attribute or an item of it. Such a test depends on how the code is written, and not only on what
    it does. Names that are computed are not seen.
    """
    return [
        f"{path}:{line} replaces {name}"
        for path in paths
        for line, name in _private_patches(path.read_text(encoding="utf-8"), 0)
    ]


def _private_patches(code: str, above: int) -> Iterator[tuple[int, str]]:
    tree = ast.parse(textwrap.dedent(code))
    formatted = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
    parts = {id(part) for node in formatted for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            names = [name for name in _patched_by(node) if _is_private(name)]
            yield from ((above + node.lineno, name) for name in names)
        elif isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
            if _is_private(name := _seen_from_outside(node)):
                yield above + node.lineno, name
        elif isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and id(node) not in parts):
            text = _text_of(node)
            if "_" in text:
                with contextlib.suppress(SyntaxError, ValueError):
                    yield from _private_patches(text, above + node.lineno - 1)


def _patched_by(call: ast.Call) -> Iterator[str]:
    """Yield what a call replaces, if it is a call of a function that replaces names."""
    called = ast.unparse(call.func)
    method = called.rpartition(".")[2]
    items = method in ("setitem", "delitem") or called.endswith("patch.dict")
    several = called.endswith("patch.multiple")
    if items or several or method in ("setattr", "delattr", "patch", "object"):
        named = [item.value for item in call.keywords if item.arg in ("target", "name")]
        yield from filter(None, map(_text_of, (*call.args[:2], *named)))
    if items and call.args:
        yield _seen_from_outside(call.args[0])
    if several:
        yield from (item.arg for item in call.keywords if item.arg)


def _text_of(node: ast.AST) -> str:
    """Return a string literal, with `0` for what an f-string computes; of anything else, an empty string."""
    if isinstance(node, ast.JoinedStr):
        return "".join(_text_of(part) if isinstance(part, ast.Constant) else "0" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _seen_from_outside(node: ast.AST) -> str:
    """Return the dotted name of an attribute or item, without indices; of an object's own, an empty string."""
    names: list[str] = []
    while isinstance(node, ast.Attribute | ast.Subscript):
        if isinstance(node, ast.Attribute):
            names.insert(0, node.attr)
        node = node.value
    if isinstance(node, ast.Name):
        own = node.id in ("self", "cls")
        return ".".join(names[1:] if own else [node.id.lstrip("_"), *names])
    return ".".join(names)


def _is_private(dotted: str) -> bool:
    return any(part.startswith("_") and not part.endswith("__") for part in dotted.split("."))
