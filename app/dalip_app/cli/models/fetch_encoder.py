"""Fetch an encoder: download its files, and export the model if it is not an encoder bundle yet."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from dalip.errors import BundleError, DalipError
from dalip_app.cli.options import need_training
from dalip_app.cli.terminal import ProgressLine, complain

if TYPE_CHECKING:
    from dalip.encoder import EncoderManifest
    from dalip.model_hub import Repository

__all__ = ["change_manifest", "fetch_encoder", "named", "source_of"]

_MODEL_FILES = (
    "open_clip_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "config.json",
    "dalip.json",
    "README.md",
)
"""What a model needs from a repository in open_clip's format besides its weights."""

_WEIGHTS = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
"""Its weights; the first one that exists is used."""


def named(name: str) -> tuple[str, str]:
    """Return an argument of `dalip encoder get`, with the alias of a repository that has one, and the encoder's name.

    A folder is named after itself; a copy of a repository with an alias gets the alias.
    """
    from dalip.encoder.published import HUB, LOCAL, PUBLISHED

    aliases = {model.repository: alias for alias, model in PUBLISHED.items()}
    if name.startswith(HUB):
        name = aliases.get(name.removeprefix(HUB), name)
    if not name.startswith(LOCAL):
        return name, name
    folder = Path(name.removeprefix(LOCAL)).resolve()
    by_folder = {repository.rpartition("/")[2]: alias for repository, alias in aliases.items()}
    return f"{LOCAL}{folder}", by_folder.get(folder.name, folder.name)


def source_of(name: str) -> str:
    """Return what the manifest of an encoder records as its source."""
    from dalip.encoder.published import HUB, PUBLISHED

    return f"{HUB}{PUBLISHED[name].repository}" if name in PUBLISHED else name


def fetch_encoder(
    name: str, key: str, out: Path, weights: Literal["fp32", "int8"], templates: tuple[str, ...] | None
) -> None:
    """Write the encoder with a name to a folder, which is complete or not there.

    Args:
        name: As for `dalip encoder get`.
        key: Name that the encoder gets.
        out: The folder.
        weights: Storage format of the weights of a model that is exported.
        templates: Prompt templates; `None` for those that belong to the model.

    Raises:
        DalipError: The model cannot be downloaded or exported.
    """
    from dalip.encoder.published import HUB, LOCAL, PUBLISHED

    with _draft_of(out) as draft:
        if name.startswith(LOCAL):
            from dalip.model_hub import licence_in

            folder = Path(name.removeprefix(LOCAL))
            _install(folder, key, draft, weights, templates, {"source": name}, licence_in(folder))
        elif name in PUBLISHED or name.startswith(HUB):
            from dalip.model_hub import look_up

            known = PUBLISHED.get(name)
            repository = look_up(known.repository if known else name.removeprefix(HUB))
            if repository.cached:
                complain("using the files that were downloaded before")
            folder = _download(repository, known.file if known else "")
            details = {"source": f"{HUB}{repository.name}", "revision": repository.revision}
            _install(folder, key, draft, weights, templates, details, repository.licence)
        else:
            _export(name, key, draft, weights, templates)


def _install(
    folder: Path,
    key: str,
    draft: Path,
    weights: Literal["fp32", "int8"],
    templates: tuple[str, ...] | None,
    details: dict[str, Any],
    terms: str,
) -> None:
    """Copy an encoder bundle, or export the files of another model."""
    from dalip.encoder.bundle import is_bundle

    if is_bundle(folder):
        _copy(folder, draft)
        change_manifest(draft, name=key, prompts=templates, details=details)
        return
    need_training()
    from dalip.export.export_downloaded import export_downloaded

    export_downloaded(
        key,
        folder,
        draft,
        weights=weights,
        prompts=templates,
        terms=terms,
        details=details,
        report=_telling({f"local-dir:{folder}": key, str(draft): key}),
    )


def _export(
    name: str, key: str, draft: Path, weights: Literal["fp32", "int8"], templates: tuple[str, ...] | None
) -> None:
    """Export one of open_clip's own models, `ARCHITECTURE@TAG`."""
    from dalip.encoder.published import close_aliases

    if "@" not in name and (close := close_aliases(name)):
        raise BundleError("encoder-name-unknown", source=name, close=close)
    need_training()
    from dalip.export.export_model import export_model

    model, _, tag = name.partition("@")
    export_model(
        model,
        draft,
        pretrained=tag or None,
        weights=weights,
        name=key,
        prompts=templates or (),
        report=_telling({str(draft): key}),
    )


def _telling(names: Mapping[str, str]) -> "Callable[[str | DalipError], None]":
    """Return what prints the lines of an export, with names that people know instead of paths."""

    def told(line: "str | DalipError") -> None:
        if isinstance(line, str):
            for path, name in names.items():
                line = line.replace(path, name)
        complain(line)

    return told


@contextmanager
def _draft_of(out: Path) -> Iterator[Path]:
    """Yield a folder that becomes `out` when it is complete, so that other processes see no partial encoder."""
    from dalip.files import hold_lock

    out.parent.mkdir(parents=True, exist_ok=True)
    with hold_lock(
        out.parent / ".lock", lambda pid: BundleError("encoders-busy", source=out.parent, pid=pid)
    ):
        for left in out.parent.glob(".draft-*"):  # by a process that was killed
            shutil.rmtree(left, ignore_errors=True)
        draft = out.with_name(f".draft-{out.name}")
        draft.mkdir()
        try:
            yield draft
            draft.rename(out)
        finally:
            shutil.rmtree(draft, ignore_errors=True)


def _download(repository: "Repository", checkpoint: str) -> Path:
    """Download the files of a repository that a model needs, and return their folder."""
    from dalip.encoder.manifest import BUNDLE_FILES, EXTERNAL_DATA, MANIFEST
    from dalip.errors import HubError
    from dalip.model_hub import download

    bundle = (MANIFEST, *BUNDLE_FILES)
    if all(name in repository.files for name in bundle):
        wanted = [*bundle, *(name for name in EXTERNAL_DATA.values() if name in repository.files)]
    else:
        if repository.cached and (not repository.files or not {*_WEIGHTS, checkpoint} & {*repository.files}):
            raise HubError("hub-not-downloaded", source=repository.name)
        weights = [checkpoint] if checkpoint else [name for name in _WEIGHTS if name in repository.files][:1]
        missing = [name for name in weights if name not in repository.files]
        if not weights or missing or (not checkpoint and _MODEL_FILES[0] not in repository.files):
            raise HubError(
                "hub-not-a-model", source=repository.name, needed=[*missing, _MODEL_FILES[0], *_WEIGHTS]
            )
        wanted = [*(name for name in _MODEL_FILES if name in repository.files), *weights]
    with ProgressLine() as progress:
        return download(repository, wanted, progress)


def _copy(folder: Path, draft: Path) -> None:
    """Copy an encoder bundle and check each file."""
    from dalip.encoder.bundle import check_bundle, verify_bundle
    from dalip.prompt_templates import check_templates

    manifest = check_bundle(folder)
    check_templates(manifest.prompts)
    for name in (*manifest.files, "manifest.json"):
        shutil.copyfile(folder / name, draft / name)
    verify_bundle(draft)


def change_manifest(folder: Path, **changes: Any) -> "EncoderManifest":
    """Change fields of an encoder's manifest; `None` leaves one as it is, and details are added."""
    from dataclasses import replace

    from dalip.encoder import read_manifest, write_manifest

    manifest = read_manifest(folder)
    details = manifest.details | changes.pop("details", {})
    given = {name: value for name, value in changes.items() if value is not None}
    return write_manifest(folder, replace(manifest, **given, details=details))
