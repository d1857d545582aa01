"""Gradio's import, at half the time."""

import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

__all__ = ["import_gradio"]

_MODULE, _FUNCTION = "gradio.component_meta", "create_or_modify_pyi"


def import_gradio() -> None:
    """Import Gradio without its stub files for editors.

    It writes them anew, or finds that they are there, in every process and for each of its components, for which it
    parses its own source: more than a second.
    """
    if "gradio" not in sys.modules:
        sys.meta_path.insert(0, _WithoutStubs())
    import gradio  # noqa: F401


class _WithoutStubs(MetaPathFinder):
    """Finds one module, as Python does, and puts a function that does nothing into it."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != _MODULE:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec and spec.loader:
            execute = spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                execute(module)
                setattr(module, _FUNCTION, lambda *arguments: None)

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec
