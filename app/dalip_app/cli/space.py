"""`dalip space`, which is also called `dalip-app space`: write a folder that runs as a Space of Hugging Face."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from dalip_app.cli.options import EncoderOption
from dalip_app.cli.terminal import ProgressLine, print_result

__all__ = ["EXAMPLES", "space"]

EXAMPLES = """\b
Examples:
  dalip space my-space
  dalip space --flora garden-flora --title "Plants of our garden" my-space"""


def space(
    out: Annotated[
        Path,
        typer.Argument(metavar="OUT", help="Folder of the Space; one that this command wrote is renewed."),
    ],
    flora: Annotated[
        Path | None,
        typer.Option(
            "--flora",
            metavar="FOLDER",
            help="The flora to answer from; the built-in one, without what you taught it, if left out.",
        ),
    ] = None,
    encoder: EncoderOption = None,
    title: Annotated[
        str, typer.Option("--title", metavar="TEXT", help="What the Space is called.")
    ] = "DALIP",
) -> None:
    """Write a folder that runs as a Space of Hugging Face: a page on the web, for everybody.

    It holds the page, the flora and the encoder. Each visit has a journal of its own, which is deleted after it, and
    visitors cannot teach the flora. Those who see the Space can also fetch its files.
    """
    from dalip_app.space.write_space import Space, write_space
    from dalip_assets import ENCODER, FLORA

    size = write_space(Space(title, flora or FLORA, encoder or ENCODER), out, ProgressLine())
    print_result(
        f"{out}: {size / 1e6:,.0f} MB. To see it on this computer: python {shlex.quote(str(out / 'app.py'))}"
    )
    print_result("To put it on the web, with an account at huggingface.co, under a name of your choice:")
    for line in _STEPS:
        print_result(f"  {line.format(out=shlex.quote(str(out)))}")
    print_result("ZeroGPU is what Hugging Face lends to free accounts; with PRO, leave --flavor out.")


_STEPS = (
    "pip install --upgrade huggingface_hub",
    "hf auth login",
    "hf repos create dalip --repo-type space --space-sdk gradio --flavor zero-a10g",
    'hf upload dalip {out} . --repo-type space --delete "*"',
)
