"""`dalip evaluate` on few photos: skips what cannot be measured, and reports it on one line."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dalip.datasets import split_of
from tests.app.conftest import Done, World, paint

Dalip = Callable[..., Done]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of photos of four taxa: per taxon two training photos, one validation photo and one test photo."""
    folder = tmp_path_factory.mktemp("few")
    rows = ["file,scientificName"]
    for colour in ("red", "green", "blue", "yellow"):
        keys = [f"{colour}-{i}.png" for i in range(99)]
        chosen = [key for key in keys if split_of(key) == "train"][:2]
        chosen += [next(k for k in keys if split_of(k) == s) for s in ("selection", "test")]
        for i, key in enumerate(chosen):
            paint(folder / key, colour, i)
            rows.append(f"{key},Flos {colour}")
    path = folder / "photos.csv"
    path.write_text("\n".join(rows))
    return path


def test_a_number_of_shots_that_no_taxon_has_is_skipped(dalip: Dalip, world: World, table: Path) -> None:
    command = ("evaluate", "few-shot", world.bundle, "--photos", table)
    done = dalip(*command)
    assert (done.status, [line.split()[2] for line in done.lines[1:]]) == (0, ["1"]), done.err
    assert (
        done.err == "dalip: no taxon in the test split has 5 photos in the train split: 5-shot is skipped\n"
    )
    done = dalip(*command, "--shots", 9, "--shots", 7, "--shots", 2, "--json")
    (rows,) = (found["rows"] for found in json.loads(done.out)["encoders"])
    assert (done.status, [row["shots"] for row in rows], len(done.err.splitlines())) == (0, [2], 2)
    done = dalip(*command, "--shots", 9, "--shots", 7)
    assert (done.status, done.out) == (1, "")
    assert done.err == (
        "dalip: no taxon in the test split has 7 photos in the training split; use fewer --shots\n"
    )
