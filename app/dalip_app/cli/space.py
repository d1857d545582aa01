"""`dalip space`, also `dalip-app space`: write a folder that runs as a Hugging Face Space."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from dalip_app.cli.options import DataDirOption, EncoderOption, load_encoder
from dalip_app.cli.terminal import ProgressLine, print_result

__all__ = ["EXAMPLES", "space"]

EXAMPLES = """\b
Examples:
  dalip space my-space
  dalip space --flora garden-flora --title "Plants of our garden" my-space"""


def space(
    out: Annotated[
        Path,
        typer.Argument(
            metavar="OUT", help="Output folder; an existing Space written by this command is updated."
        ),
    ],
    flora: Annotated[
        Path | None,
        typer.Option(
            "--flora",
            metavar="FOLDER",
            help="Flora to use (default: the built-in flora, without plants you taught it).",
        ),
    ] = None,
    encoder: EncoderOption = None,
    title: Annotated[str, typer.Option("--title", metavar="TEXT", help="Title of the Space.")] = "DALIP",
    data_dir: DataDirOption = None,
) -> None:
    """Write a Hugging Face Space: a public DALIP web page.

    The folder contains the page, the flora and the encoder. Each visit has a separate journal, which is deleted after
    the visit, and visitors cannot teach the flora. Anyone who can see the Space can also download its files.
    """
    from dalip_app.space.write_space import Space, write_space
    from dalip_assets import FLORA

    loaded = load_encoder(encoder, data_dir, flora=flora)
    size = write_space(Space(title, flora or FLORA, loaded.folder), out, ProgressLine())
    print_result(
        f"{out}: {size / 1e6:,.0f} MB. To try it on this computer: python {shlex.quote(str(out / 'app.py'))}"
    )
    print_result("To publish it with your huggingface.co account (you can replace the name dalip):")
    for line in _STEPS:
        print_result(f"  {line.format(out=shlex.quote(str(out)))}")
    print_result("Free Hugging Face accounts can use ZeroGPU; with a PRO account, omit --flavor.")


_STEPS = (
    "pip install --upgrade huggingface_hub",
    "hf auth login",
    "hf repos create dalip --repo-type space --space-sdk gradio --flavor zero-a10g",
    'hf upload dalip {out} . --repo-type space --delete "*"',
)
