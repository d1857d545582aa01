"""`dalip export`: any model as an encoder that runs without PyTorch."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from dalip.errors import DalipError
from dalip_app.cli.terminal import complain

__all__ = ["EXAMPLES", "export", "need_training"]

EXAMPLES = """\b
Examples:
  dalip export runs/mine encoder-small --weights int8
  dalip export authors.pt encoder
  dalip export ViT-B-32 encoder --pretrained laion2b_s34b_b79k"""


def need_training() -> None:
    """Make sure that models can be trained and exported here.

    Raises:
        DalipError: A package is missing; names it, and says how to install all.
    """
    try:
        import dalip.export
        import dalip.training.loop  # noqa: F401
    except ModuleNotFoundError as error:
        raise DalipError("training-package-missing", package=error.name) from None


def export(
    checkpoint: Annotated[
        str,
        typer.Argument(
            metavar="CHECKPOINT",
            help="A finished run of dalip train, the authors' checkpoint file, or an open_clip model: a name, "
            "hf-hub:NAME or local-dir:FOLDER.",
        ),
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder of the encoder.")],
    pretrained: Annotated[
        str | None,
        typer.Option(metavar="TAG", help="Weights of a named open_clip model: their tag, or a file."),
    ] = None,
    weights: Annotated[
        Literal["fp32", "int8"] | None,
        typer.Option(
            help="How the encoder stores its weights: int8 is a quarter of the size.", show_default="fp32"
        ),
    ] = None,
    first_order: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            metavar="L1",
            help="Weight of the first order in a similarity, the second has the rest. By default a run's is chosen "
            "on its validation photos, the authors' is 0.5; a plain CLIP has the first alone.",
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Name of the encoder; by default the checkpoint's.")
    ] = None,
    terms: Annotated[
        str | None, typer.Option(help="Terms of the weights, kept in the encoder's manifest.")
    ] = None,
) -> None:
    """Export a model to ONNX, checked against itself in PyTorch.

    A run is checked on its own photos and texts, any other model on pictures and texts made for it.
    """
    need_training()
    from dalip.training.towers.load_model import find_run

    run = find_run(Path(checkpoint))
    if run is None:
        from dalip.export.export_model import export_model

        export_model(
            checkpoint,
            out,
            pretrained=pretrained,
            first_order=first_order,
            weights=weights or "fp32",
            name=name,
            terms=terms or "",
            report=complain,
        )
        return
    from dalip.export.export_run import export_run

    if pretrained is not None:
        raise typer.BadParameter("--pretrained is for open_clip models; a run has its own weights")
    export_run(run, out, first_order=first_order, weights=weights, name=name, terms=terms, report=complain)
