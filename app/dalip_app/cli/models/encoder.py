"""`dalip encoder`: get published encoders by name, list and remove them, and publish your own."""

import re
import shutil
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from dalip.errors import BundleError
from dalip.files import printable
from dalip_app.cli.models.fetch_encoder import change_manifest, fetch_encoder, named, source_of
from dalip_app.cli.options import DataDirOption, JsonOption, given_path, need_training
from dalip_app.cli.terminal import complain, print_json, print_result

__all__ = ["app"]

app = typer.Typer(
    no_args_is_help=True,
    help="Get published encoders, such as BioCLIP 2, and publish your own.",
)

NameArgument = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="An alias from `dalip encoder list`, hf-hub:ORG/REPO, local-dir:FOLDER with the files of such a "
        "repository, or open_clip's ARCHITECTURE@TAG.",
        show_default=False,
    ),
]

_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")
_SOURCES = 2  # training data that `list` names for each encoder


@app.command("list", epilog="Example: dalip encoder list")
def list_(as_json: JsonOption = False, data_dir: DataDirOption = None) -> None:
    """List the encoders that have an alias, and all that are on this computer."""
    from dalip.encoder.published import PUBLISHED
    from dalip_assets import ENCODER
    from dalip_index.places import own_encoders

    folders = {folder.name: folder for folder in own_encoders(data_dir)}
    rows = [_described("builtin", ENCODER)]
    for alias, model in PUBLISHED.items():
        here = folders.pop(alias, None)
        row: dict[str, Any] = {"folder": "", "licence": "", "citation": model.citation}
        rows.append(
            {
                "name": alias,
                "source": f"hf-hub:{model.repository}",
                "architecture": model.tower,
                "trainedOn": [model.trained_on],
                "gigabytes": model.gigabytes,
            }
            | (_described(alias, here) if here else row)
            | {"architecture": model.tower}
        )
    rows += [_described(name, folder) for name, folder in folders.items()]
    for row in rows:
        if as_json:
            print_json(row)
            continue
        state = "here" if row["folder"] else "-"
        sources = row["trainedOn"][:_SOURCES]
        more = len(row["trainedOn"]) - len(sources)
        about = ", ".join([row["architecture"], *sources, *([f"{more} more"] if more else [])]).removeprefix(
            ", "
        )
        print_result(
            printable(f"{row['name']:<14} {state:<5} {_size(row['gigabytes']):>7}  {about}").rstrip()
        )


@app.command(
    epilog="""\b
Examples:
  dalip encoder get bioclip-2
  dalip encoder get hf-hub:ORG/REPO --weights int8
  dalip index build --encoder bioclip-2 --taxa names.csv my-flora"""
)
def get(
    name: NameArgument,
    weights: Annotated[
        Literal["fp32", "int8"],
        typer.Option(help="Storage format of the weights; int8 takes a quarter of the space."),
    ] = "fp32",
    prompts: Annotated[
        Path | None,
        typer.Option(
            "--prompts",
            metavar="FILE",
            help="Templates of the texts that describe a taxon, one per line, such as `a photo of {scientificName}`; "
            "`dalip` stands for DALIP's own (default: those that the model was trained with, if known).",
            show_default=False,
        ),
    ] = None,
    data_dir: DataDirOption = None,
) -> None:
    """Download a published model, export it to ONNX, check the export and keep it for floras.

    An encoder that is already here is not fetched again; only its prompts are changed if you specify some. To fetch a
    newer version, or other weights, remove it first.
    """
    from dalip.encoder import read_manifest
    from dalip.encoder.bundle import is_bundle
    from dalip_index.places import own_encoder

    templates = _templates(prompts)
    name, key = named(name)
    out = own_encoder(key, data_dir)
    if is_bundle(out):
        if (source := str(read_manifest(out).details.get("source", ""))) and source != source_of(name):
            raise BundleError("encoder-held-from-elsewhere", source=key, name=key, from_=source)
        if templates is not None:
            change_manifest(out, prompts=templates)
        print_result(printable(f"{key}: already here, in {out}"))
        return
    fetch_encoder(name, key, out, weights, templates)
    manifest = read_manifest(out)
    size = sum(entry.size for entry in manifest.files.values()) / 1e9
    print_result(printable(f"{key}: ready, {_size(size)} in {out}"))
    print_result(printable(f"licence: {manifest.terms or 'not stated; see the page of the model'}"))
    if manifest.citation:
        print_result(printable(f"please cite: {manifest.citation}"))


@app.command(epilog="Example: dalip encoder remove bioclip-2")
def remove(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A name from `dalip encoder list`.", show_default=False)
    ],
    data_dir: DataDirOption = None,
) -> None:
    """Delete an encoder from this computer; floras that were built with it need it again."""
    from dalip.encoder.bundle import is_bundle
    from dalip_index.places import own_encoder, own_encoders

    folder = own_encoder(name, data_dir)
    if not is_bundle(folder):
        held = [path.name for path in own_encoders(data_dir)]
        raise BundleError("encoder-not-held", source=name, number=len(held), held=held)
    size = sum(path.stat().st_size for path in folder.iterdir())
    shutil.rmtree(folder)
    print_result(printable(f"{name}: deleted, {_size(size / 1e9)}"))


@app.command(
    epilog="""\b
Examples:
  dalip encoder push runs/mine/encoder ORG/REPO
  dalip encoder push runs/mine ORG/REPO --private"""
)
def push(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="SOURCE",
            help="Folder of an exported encoder or of a finished run, or a name from `dalip encoder list`.",
            show_default=False,
            parser=given_path,
        ),
    ],
    repository: Annotated[
        str, typer.Argument(metavar="ORG/REPO", help="Repository on the hub.", show_default=False)
    ],
    private: Annotated[
        bool, typer.Option("--private", help="Create the repository as private, if it is new.")
    ] = False,
    data_dir: DataDirOption = None,
) -> None:
    """Publish an encoder on the hub, with a model card.

    A model with only the first order is written in open_clip's format, so other programs can use it. A DALIP model is
    written as an encoder bundle; `dalip encoder get hf-hub:ORG/REPO` fetches either. Log in first: `hf auth login`.
    """
    from tempfile import TemporaryDirectory

    from dalip.encoder import verify_bundle
    from dalip.model_hub import upload
    from dalip_app.messages.model_card import model_card
    from dalip_index.places import data_dir_or_default, named_encoder

    if not _REPOSITORY.fullmatch(repository):
        raise typer.BadParameter(f"'{repository}' is not the name of a repository; write ORG/REPO")
    run_encoder = source / "encoder"
    bundle = run_encoder if run_encoder.is_dir() else named_encoder(source, data_dir)
    manifest = verify_bundle(bundle)
    place = data_dir_or_default(data_dir)
    place.mkdir(parents=True, exist_ok=True)  # the system's temporary folder may be in memory
    with TemporaryDirectory(prefix=".push-", dir=place) as temporary:
        folder = Path(temporary)
        if len(manifest.blocks) == 1:
            need_training()
            from dalip.export.open_clip_format import write_open_clip

            write_open_clip(bundle, folder, repository)
        else:
            for file in (*manifest.files, "manifest.json"):
                shutil.copyfile(bundle / file, folder / file)
        card = model_card(manifest, repository)
        (folder / "README.md").write_text(card, encoding="utf-8")
        complain(f"uploading {sum(path.stat().st_size for path in folder.iterdir()) / 1e6:,.0f} MB")
        address = upload(folder, repository, private=private)
    print_result(printable(address))


def _described(name: str, folder: Path) -> dict[str, Any]:
    """Return what `list` shows about an encoder on this computer."""
    from dalip.encoder import read_manifest

    try:
        manifest = read_manifest(folder)
    except BundleError as error:  # `remove` can delete it
        complain(error)
        return {
            "name": name,
            "architecture": "damaged",
            "trainedOn": [],
            "gigabytes": 0.0,
            "folder": str(folder),
        }
    return {
        "name": name if name == "builtin" else manifest.name,
        "source": str(manifest.details.get("source", "")),
        "architecture": "",
        "trainedOn": list(manifest.trained_on),
        "gigabytes": round(sum(entry.size for entry in manifest.files.values()) / 1e9, 3),
        "folder": str(folder),
        "licence": manifest.terms,
        "citation": manifest.citation,
    }


def _size(gigabytes: float) -> str:
    return f"{gigabytes:.1f} GB" if gigabytes >= 0.1 else f"{gigabytes * 1000:.0f} MB"


def _templates(prompts: Path | None) -> tuple[str, ...] | None:
    from dalip.prompt_templates import read_templates

    if prompts is None:
        return None
    return () if prompts == Path("dalip") and not prompts.is_file() else read_templates(prompts)
