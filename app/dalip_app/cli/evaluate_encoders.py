"""`dalip evaluate zero-shot`, `retrieval`, `few-shot` and `linear-probe`: measure the accuracy of encoders."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from dalip.errors import Skipped
from dalip.progress import Progress
from dalip_app.cli.evaluate_options import (
    EncodersArgument,
    FirstOrderOption,
    PhotosOption,
    SplitOption,
    measure_encoders,
    of_split,
    read_photos,
)
from dalip_app.cli.options import JsonOption
from dalip_app.cli.terminal import complain, counted

if TYPE_CHECKING:
    from dalip.datasets import Record, Split
    from dalip.evaluation import Embedder, LabelledPhotos

__all__ = [
    "FEW_SHOT_EXAMPLES",
    "LINEAR_PROBE_EXAMPLES",
    "RETRIEVAL_EXAMPLES",
    "ZERO_SHOT_EXAMPLES",
    "few_shot",
    "linear_probe",
    "retrieval",
    "zero_shot",
]

ZERO_SHOT_EXAMPLES = """\b
Examples:
  dalip evaluate zero-shot --photos shards/
  dalip evaluate zero-shot --photos shards/ --taxa taxa.csv --json
  dalip evaluate zero-shot runs/mine ViT-B-32@laion2b_e16 --photos shards/"""

RETRIEVAL_EXAMPLES = """\b
Examples:
  dalip evaluate retrieval --photos captions.tar
  dalip evaluate retrieval runs/captions runs/plants --photos captions.tar"""

FEW_SHOT_EXAMPLES = """\b
Examples:
  dalip evaluate few-shot --photos shards/
  dalip evaluate few-shot encoder/ --photos garden/ --shots 3 --folds 20"""

LINEAR_PROBE_EXAMPLES = """\b
Examples:
  dalip evaluate linear-probe --photos shards/
  dalip evaluate linear-probe runs/mine --photos shards/ --json"""


def zero_shot(
    photos: PhotosOption,
    encoders: EncodersArgument = None,
    taxa: Annotated[
        Path | None,
        typer.Option(
            "--taxa",
            metavar="FILE",
            help="List of additional taxa to choose from; it also adds names to the taxa of the photos.",
        ),
    ] = None,
    split: SplitOption = "test",
    first_order: FirstOrderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure zero-shot classification with text prompts.

    Each photo is compared with prompts for every taxon, made from its common names, its scientific name, its taxonomy
    (name, genus, family and order), and all of these together, each in several phrasings. The candidates are the taxa
    of all photos, whatever their split. Photos without a scientificName are classified by their className, if they
    have one.

    top-1 and top-5 are the percentages of photos whose correct name is first or among the first five; ties count as
    misses. macro is the mean top-1 accuracy over taxa, so that rare taxa count as much as common ones. NLL is the
    negative log-likelihood of the correct name, in nats at the best temperature; lower is better.
    """
    from dalip.datasets import Report, read_taxa
    from dalip.datasets.names.resolver import Resolver
    from dalip.evaluation import classes_by_name_kind
    from dalip.evaluation import zero_shot as measure

    unlisted: list[Skipped] = []
    listed = read_taxa(taxa, Report(unlisted.append, complain)) if taxa else []
    records, faults = read_photos(photos, Resolver.of(listed) if listed else None)
    faults += unlisted
    chosen = of_split(records, split)
    classes = classes_by_name_kind(records, listed)
    measure_encoders(
        lambda embedder, progress: measure(embedder, chosen, classes, progress),
        encoders,
        first_order,
        split,
        [
            ("source", "{.source}"),
            ("names", "{.names}"),
            ("photos", "{.photos:,}"),
            ("classes", "{.classes:,}"),
            ("top-1", "{.top_1:.1%}"),
            ("top-5", "{.top_5:.1%}"),
            ("macro", "{.macro_top_1:.1%}"),
            ("NLL", "{.nll:.3f}"),
        ],
        as_json=as_json,
        words=2,
        faults=faults,
    )


def retrieval(
    photos: PhotosOption,
    encoders: EncodersArgument = None,
    split: SplitOption = "test",
    first_order: FirstOrderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure image-text retrieval between photos and captions.

    R@5 (recall at 5) for photo→text is the percentage of photos with one of their captions among the five nearest; for
    text→photo, the percentage of captions with one of their photos among the five nearest. Each source is searched
    separately; ties count as misses. To see what was forgotten, compare a run trained on captions alone with one that
    was then trained on plants.
    """
    from dalip.evaluation import retrieval as measure

    records, faults = read_photos(photos)
    chosen = of_split(records, split)

    measure_encoders(
        lambda embedder, progress: measure(embedder, chosen, progress),
        encoders,
        first_order,
        split,
        [
            ("source", "{.source}"),
            ("photos", "{.photos:,}"),
            ("captions", "{.captions:,}"),
            ("photo→text R@1", "{.image_to_text[1]:.1%}"),
            ("R@5", "{.image_to_text[5]:.1%}"),
            ("R@10", "{.image_to_text[10]:.1%}"),
            ("text→photo R@1", "{.text_to_image[1]:.1%}"),
            ("R@5", "{.text_to_image[5]:.1%}"),
            ("R@10", "{.text_to_image[10]:.1%}"),
        ],
        as_json=as_json,
        words=1,
        faults=faults,
    )


def few_shot(
    photos: PhotosOption,
    encoders: EncodersArgument = None,
    shots: Annotated[
        list[int] | None,
        typer.Option(
            "--shots", min=1, metavar="K", help="Photos per taxon. Repeatable.", show_default="1 and 5"
        ),
    ] = None,
    folds: Annotated[int, typer.Option("--folds", min=1, help="Number of random draws of these photos.")] = 5,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Random seed of the draws.")] = 0,
    split: Annotated[
        Literal["selection", "calibration", "test"], typer.Option("--split", help="Split to classify.")
    ] = "test",
    first_order: FirstOrderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure few-shot classification with one or a few photos per taxon.

    No text is used. The example photos are drawn from the training split (`train`). Embeddings are centred on the mean
    of that split and normalised, and each photo is assigned the taxon with the nearest class mean (SimpleShot). Taxa
    with fewer photos than --shots are skipped, and so is a value of --shots that no taxon reaches. top-1 is the mean
    over the folds, +/- their standard deviation; macro is the mean top-1 accuracy over taxa.
    """
    from dalip.evaluation import few_shot as measure

    records, faults = read_photos(photos)
    wanted, told = shots or [1, 5], set[int]()

    def work(embedder: "Embedder", progress: Progress) -> tuple[list[Any], Sequence[Skipped]]:
        known = _labelled(embedder, records, [split], progress)
        rows = measure(known, split, wanted, folds, seed)
        for count in sorted({*wanted} - {row.shots for row in rows} - told):
            complain(
                f"no taxon in the {split} split has {count} photos in the train split: {count}-shot is skipped"
            )
            told.add(count)  # the other encoders use the same photos
        return rows, known.skipped

    measure_encoders(
        work,
        encoders,
        first_order,
        split,
        [
            ("source", "{.source}"),
            ("shots", "{.shots:,}"),
            ("photos", "{.photos:,}"),
            ("taxa", "{.taxa:,}"),
            ("top-1", "{.top_1:.1%}"),
            ("+/-", "{.spread:.1%}"),
            ("macro", "{.macro_top_1:.1%}"),
        ],
        as_json=as_json,
        words=1,
        faults=faults,
    )


def linear_probe(
    photos: PhotosOption,
    encoders: EncodersArgument = None,
    split: Annotated[
        Literal["calibration", "test"], typer.Option("--split", help="Split to classify.")
    ] = "test",
    first_order: FirstOrderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure a linear classifier on photo embeddings (linear probe).

    Fits a logistic regression to the training split (`train`) and chooses its regularisation strength C on the
    validation split (`selection`). Photos of taxa without training photos are skipped. Needs scikit-learn.
    """
    from dalip.evaluation import linear_probe as measure

    records, faults = read_photos(photos)

    def work(embedder: "Embedder", progress: Progress) -> tuple[list[Any], Sequence[Skipped]]:
        known = _labelled(embedder, records, ["selection", split], progress)
        return measure(known, split, progress=progress), known.skipped

    measure_encoders(
        work,
        encoders,
        first_order,
        split,
        [
            ("source", "{.source}"),
            ("photos", "{.photos:,}"),
            ("taxa", "{.taxa:,}"),
            ("top-1", "{.top_1:.1%}"),
            ("top-5", "{.top_5:.1%}"),
            ("macro", "{.macro_top_1:.1%}"),
            ("C", "{.strength:g}"),
        ],
        as_json=as_json,
        words=1,
        faults=faults,
    )


def _labelled(
    embedder: "Embedder", records: "Sequence[Record]", splits: "Sequence[Split]", progress: Progress
) -> "LabelledPhotos":
    from dalip.evaluation import embed_labelled

    found = embed_labelled(embedder, records, splits, progress)
    if found.left_out:
        complain(f"skipped {counted(found.left_out, 'photo')} of taxa without photos in the train split")
    return found
