"""Write a Hugging Face Space: a folder with the public page and everything it needs.

The build of a Space sees only `requirements.txt`, so it could not install a wheel from the same folder. The packages
are therefore copied next to `app.py`, where Python finds them.
"""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path

import dalip
import dalip_app
import dalip_assets
import dalip_index
from dalip.encoder.manifest import MANIFEST
from dalip.errors import DalipError, first_line
from dalip.progress import Progress
from dalip_app.space.templates import APP, ATTRIBUTES, README
from dalip_index import Flora, load_flora
from dalip_index.store.versions import CURRENT

__all__ = ["Space", "write_space"]

_PACKAGES = (dalip, dalip_index, dalip_app, dalip_assets)
_MARK = "dalip-app space"  # contained in the app.py of every folder written by this module


@dataclass(frozen=True)
class Space:
    """Title, flora and encoder of a Space."""

    title: str
    flora: Path
    encoder: Path


def write_space(space: Space, out: Path, progress: Progress) -> int:
    """Write a Space, or update one that was written before.

    An existing Space is changed only when the new one is complete; other files in the folder are kept.

    Args:
        space: Title, flora and encoder.
        out: The output folder.
        progress: Called with "copying", the number of files copied, and the total number of files.

    Returns:
        Size of the Space in bytes.

    Raises:
        DalipError: The flora was built with another encoder, DALIP is not installed, or the folder contains other
            files or cannot be written.
    """
    out = out.resolve()
    _check_target(out)
    files = dict(_files(space, load_flora(space.flora, space.encoder)))
    draft = out.with_name(f".{out.name}.draft")
    try:
        shutil.rmtree(draft, ignore_errors=True)
        for number, (name, content) in enumerate(files.items()):
            progress("copying", number, len(files))
            target = draft / "new" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, Path):
                shutil.copyfile(content, target)
            else:
                target.write_text(content, encoding="utf-8")
        size = sum(path.stat().st_size for path in (draft / "new").rglob("*") if path.is_file())
        _publish(draft, out)
    except OSError as error:
        raise DalipError(
            "space-not-written", source=out, cause=error.strerror or first_line(error)
        ) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return size


def _check_target(out: Path) -> None:
    if out.is_dir():
        try:
            ours = _MARK in (out / "app.py").read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            ours = False
        if not ours and any(out.iterdir()):
            raise DalipError("space-folder-taken", source=out)
    elif out.exists():
        raise DalipError("space-is-file", source=out)


def _publish(draft: Path, out: Path) -> None:
    """Replace the existing files with the complete new ones."""
    (draft / "old").mkdir()
    out.mkdir(exist_ok=True)
    replaced = {out / path.name for path in (draft / "new").iterdir()} | set(out.glob("dalip-*.dist-info"))
    for path in replaced:
        if path.is_dir():
            path.rename(draft / "old" / path.name)
    for new in (draft / "new").iterdir():
        new.replace(out / new.name)


def _files(space: Space, flora: Flora) -> Iterator[tuple[str, Path | str]]:
    """Yield the files of a Space: their names, and the file to copy or the text to write."""
    yield from _texts(space, flora)
    for package in _PACKAGES:
        root = Path(str(package.__file__)).parent
        for path in sorted(root.rglob("*")):
            name = path.relative_to(root)
            # Encoder and flora are copied separately, because they may not be the built-in ones.
            built_in = root == Path(dalip_assets.__file__).parent and name.parts[0] in ("encoder", "flora")
            if path.is_file() and "__pycache__" not in name.parts and not built_in:
                yield f"{root.name}/{name.as_posix()}", path
    for file in (MANIFEST, *flora.encoder.manifest.files):
        yield f"encoder/{file}", space.encoder / file
    yield f"flora/{CURRENT}", flora.folder.name + "\n"
    for path in sorted(flora.folder.iterdir()):
        yield f"flora/{flora.folder.name}/{path.name}", path


def _texts(space: Space, flora: Flora) -> Iterator[tuple[str, Path | str]]:
    try:
        installed = distribution("dalip")
    except PackageNotFoundError as error:
        raise DalipError("not-installed") from error
    for file in installed.files or ():  # name, version and licences, which must accompany every copy
        if file.parts[0].endswith(".dist-info") and (file.name == "METADATA" or "licenses" in file.parts):
            yield file.as_posix(), Path(str(file.locate()))
    # A Space has no GPU for onnxruntime-gpu, which is ten times as large. `editables` is for checkouts only.
    lines = [line.partition(";")[0].strip() for line in installed.requires or () if "extra ==" not in line]
    needed = {
        line.replace("onnxruntime-gpu", "onnxruntime") for line in lines if not line.startswith("editables")
    }
    yield "requirements.txt", "\n".join(sorted(needed)) + "\n"
    yield "README.md", _readme(space, flora)
    yield "app.py", APP
    yield ".gitattributes", ATTRIBUTES


def _readme(space: Space, flora: Flora) -> str:
    encoder = flora.encoder.manifest
    built_in = json.loads((dalip_assets.ENCODER / MANIFEST).read_text(encoding="utf-8"))["fingerprint"]
    terms = (
        "license: other\nlicense_name: dalip-weights\nlicense_link: dalip_assets/LICENSE-WEIGHTS.md\n"
        if encoder.fingerprint == built_in
        else ""
    )
    return README.format(
        title=json.dumps(space.title, ensure_ascii=False),  # JSON strings are valid YAML
        title_line=space.title,
        gradio=version("gradio"),
        license=terms,
        taxa=f"{len(flora.taxa):,}",
        encoder=encoder.name,
        terms=encoder.terms or "not recorded",
        version=dalip.__version__,
    )
