"""`dalip export`: export a model as an encoder that runs without PyTorch."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from dalip_app.cli.options import need_training
from dalip_app.cli.terminal import complain

__all__ = ["EXAMPLES", "export"]

EXAMPLES = """\b
Examples:
  dalip export runs/mine encoder-small --weights int8
  dalip export authors.pt encoder
  dalip export ViT-B-32 encoder --pretrained laion2b_s34b_b79k"""


def export(
    checkpoint: Annotated[
        str,
        typer.Argument(
            metavar="CHECKPOINT",
            help="Folder of a finished `dalip train` run, the authors' checkpoint file, or an open_clip model (NAME, "
            "hf-hub:NAME or local-dir:FOLDER).",
        ),
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Output folder for the encoder.")],
    pretrained: Annotated[
        str | None,
        typer.Option(metavar="TAG", help="Weights for the open_clip model: a tag or a file."),
    ] = None,
    weights: Annotated[
        Literal["fp32", "int8"] | None,
        typer.Option(
            help="Storage format of the weights; int8 takes a quarter of the space.", show_default="fp32"
        ),
    ] = None,
    first_order: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            metavar="L1",
            help="Weight of the first order in a similarity; the second order gets the rest. Default: tuned on the "
            "validation split for a run, 0.5 for the authors' checkpoint, 1 for a plain CLIP model.",
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Name of the encoder (default: the name of the checkpoint).")
    ] = None,
    terms: Annotated[
        str | None, typer.Option(help="Licence terms of the weights, stored in the encoder's manifest.")
    ] = None,
) -> None:
    """Export a model to ONNX and check it against the PyTorch model.

    A `dalip train` run is checked on its own photos and captions, any other model on generated ones.
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
        raise typer.BadParameter("--pretrained applies to open_clip models only; a run has its own weights")
    export_run(run, out, first_order=first_order, weights=weights, name=name, terms=terms, report=complain)
