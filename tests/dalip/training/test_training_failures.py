"""Training with bad input, and killed runs: each problem is reported on one line, and nothing is lost."""

import os
import re
import resource
import shutil
import signal
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from wording import refuses, said

from dalip.datasets import read_records, split_of
from dalip.errors import DalipError, DataError, TrainingError
from dalip.export.export_run import export_and_describe
from dalip.training import TrainConfig, trainer
from dalip.training.checkpoint import load_checkpoint
from dalip.training.log import read_log
from dalip.training.loop import plan, train
from dalip.training.towers.create import create_towers
from dalip.training.towers.load_model import load_run
from tests.dalip.made import fields, png, write_shard, write_tar
from tests.dalip.runs import TOY, stop_at, tiny_config

pytestmark = pytest.mark.usefixtures("unchecked_shapes")


def go(config: TrainConfig, run: Path) -> list[str]:
    """Train, and return the reported lines."""
    lines: list[str] = []
    train(config, run, report=lambda line: lines.append(worded(line)))
    return lines


def worded(line: str | DalipError) -> str:
    """Return the line that the command prints for a report."""
    return line if isinstance(line, str) else said(line)


def is_line(error: BaseException) -> bool:
    return len(said(error).splitlines()) == 1


def damage(path: Path, *keys: str) -> Path:
    """Make photos in a shard undecodable."""
    content = bytearray(path.read_bytes())
    for record in read_records(path):
        if record.key in keys:
            content[record.location.offset : record.location.offset + 8] = bytes(8)
    path.write_bytes(content)
    return path


@pytest.fixture(scope="module")
def finished(shard: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("runs") / "whole"
    go(tiny_config(shard), run)
    return run


# Photos, texts and shards.


@pytest.mark.parametrize("streamed", [{}, {"stream": True, "steps": 12, "shuffle": 8}])
def test_bad_samples_are_reported_once_and_counted_and_the_run_continues(
    tmp_path: Path, streamed: dict[str, Any]
) -> None:
    path = write_shard(tmp_path / "made.tar")
    train_keys = [record.key for record in read_records(path) if record.split == "train"]
    damage(path, *train_keys[:2])
    photo = png(np.zeros((20, 20, 3)))
    train_names = [name for i in range(20) if split_of(name := f"bad{i}") == "train"]
    bad = {f"{train_names[0]}.png": photo, f"{train_names[1]}.png": photo, f"{train_names[1]}.json": b"{"}
    odd = {f"{train_names[2]}.png": photo, f"{train_names[2]}.json": fields(caption="not \ud800 Unicode")}
    other = write_tar(tmp_path / "bad.tar", bad | odd)
    lines = go(tiny_config((str(path), str(other)), epochs=3, **streamed), tmp_path / "run")
    skipped = [line for line in lines if line.startswith(str(tmp_path))]
    photos = [line for line in skipped if "damaged" in line or "not an image" in line]
    assert {line.partition(": ")[0] for line in photos} == {f"{path}:{key}" for key in train_keys[:2]}
    assert len(photos) == 2
    assert sum(f"{other}:{train_names[1]}: " in line and ".json or .txt" in line for line in lines) == 1
    assert sum("neither a scientificName nor a caption" in line for line in lines) == 1
    expected = (
        "4 photos or shards during training, 0" if streamed else "2 photos or shards during training, 2"
    )
    assert f"total skipped: {expected} photos before training" in lines
    assert len(read_log(tmp_path / "run")["loss"]) >= 12


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("streamed", [{}, {"stream": True, "steps": 12, "shuffle": 8}])
def test_a_batch_without_a_readable_photo_stops_the_run_in_one_line(
    shard: Path, tmp_path: Path, workers: int, streamed: dict[str, Any]
) -> None:
    copy = tmp_path / "made.tar"
    copy.write_bytes(shard.read_bytes().replace(b"PNG", b"GNP"))
    with refuses(TrainingError, match=r"step 0: too few photos in the batch could be read: ") as error:
        go(tiny_config(copy, workers=workers, **streamed), tmp_path / "run")
    assert is_line(error.value)
    assert f"{copy}:" in said(error.value)


def test_a_stream_continues_without_unreadable_shards(shard: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.tar").write_bytes(shard.read_bytes()[:50_000])
    sources = (str(write_shard(tmp_path / "made.tar", photos=4)), f"{tmp_path}/{{bad,gone}}.tar")
    lines = go(tiny_config(sources, stream=True, steps=12, shuffle=8, workers=2), tmp_path / "run")
    skipped = [line for line in lines if line.startswith(str(tmp_path))]
    assert sorted(line.partition(" (")[0] for line in skipped) == [
        f"{tmp_path}/{name}.tar: this is not a complete, readable shard" for name in ("bad", "gone")
    ]
    assert any(line.startswith("total skipped: 2 photos or shards") for line in lines)
    for name in ("bad", "gone"):
        (tmp_path / f"{name}.tar").write_bytes(b"")
    with refuses(
        TrainingError,
        match=r"the most recently read shards contain no photo in the training split that has a name or a caption$",
    ) as error:
        go(tiny_config(sources[1], stream=True, steps=12), tmp_path / "other")
    assert is_line(error.value)


def test_training_with_captions_only(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    random = np.random.default_rng(0)
    rows = []
    for i in range(80):
        colour = ("red", "green", "blue")[i % 3]
        pixels = np.clip(random.integers(-20, 20, (40, 40, 3)) + 200 * np.eye(3)[i % 3], 0, 255)
        (folder / f"{i}.png").write_bytes(png(pixels))
        rows.append(f"{i}.png\ta {colour} square, number {i}")
    (folder / "captions.tsv").write_text("\n".join(["file\tcaption", *rows]))
    go(tiny_config(folder, epochs=4), tmp_path / "run")
    log = read_log(tmp_path / "run")
    losses = [loss for _, loss in log["loss"]]
    assert np.mean(losses[-7:]) < 0.9 * np.mean(losses[:7])
    assert any("caption recall" in name for name in log)


@pytest.mark.parametrize(
    ("table", "cause"),
    [
        (
            "plant,caption\na.png,one\n",
            r"t\.csv: there is no column `file` .*\(columns found: plant, caption\)",
        ),
        ("file,label\na.png,one\n", r"none of the 1 photos has a usable scientificName or caption"),
        ("file,caption\n", r"contains no photos"),
        ("file,caption\nb.png,one\n", r"t\.csv, line 2: 'b\.png' is not a file"),
    ],
)
def test_an_unusable_table_is_refused_in_one_line_and_no_run_folder_is_made(
    tmp_path: Path, table: str, cause: str
) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.png").write_bytes(png(np.zeros((9, 9, 3))))
    (tmp_path / "photos" / "t.csv").write_text(table)
    with pytest.raises((DataError, TrainingError)) as error:
        go(tiny_config(tmp_path / "photos"), tmp_path / "run")
    assert re.search(cause, said(error.value))
    assert is_line(error.value)
    assert not (tmp_path / "run").exists()


def test_a_configuration_that_cannot_start_leaves_the_folder_usable(shard: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError):
        go(tiny_config(tmp_path / "gone.tar"), tmp_path / "run")
    with refuses(TrainingError, match=r"gone\.tar: no \.tar shard found"):
        go(tiny_config(tmp_path / "gone.tar", stream=True, steps=2), tmp_path / "streamed")
    with refuses(TrainingError, match=r"'clip\.txt' is neither image nor text"):
        go(tiny_config(shard, freeze=("clip.txt",)), tmp_path / "run")
    with refuses(TrainingError, match="cache_views = 2: needs a frozen image tower"):
        go(tiny_config(shard, cache_views=2), tmp_path / "run")
    assert not any((tmp_path / name / "config.json").exists() for name in ("run", "streamed"))
    tiny_config(shard, steps=2).save(
        tmp_path / "run" / "config.json"
    )  # as left by a run that was killed before it saved anything
    go(tiny_config(shard, steps=1), tmp_path / "run")


# Interrupted runs and checkpoints.


def test_a_killed_streamed_run_resumes_to_the_same_losses(tmp_path: Path) -> None:
    """Photos and a shard are skipped, and counted as in an uninterrupted run."""
    for name in ("a", "b"):
        write_shard(tmp_path / f"{name}.tar", photos=10)
    keys = [record.key for record in read_records(tmp_path / "a.tar") if record.split == "train"]
    damage(tmp_path / "a.tar", *keys[:3])
    source = f"{tmp_path}/{{a,b,gone}}.tar"
    config = tiny_config(source, stream=True, steps=14, shuffle=20, workers=2)
    whole = go(config, tmp_path / "whole")
    # During the step, or while its checkpoint is written.
    saving = config.with_values(save_minutes=0)
    assert stop_at(6, signal.SIGKILL, saving, tmp_path / "run", late=0.3)[0] == -signal.SIGKILL
    assert 0 < load_checkpoint(tmp_path / "run" / "checkpoint.pt")["step"] < 14
    resumed = go(config, tmp_path / "run")
    assert (tmp_path / "run" / "log.csv").read_text() == (tmp_path / "whole" / "log.csv").read_text()
    expected, found = (load_checkpoint(tmp_path / r / "model.pt")["model"] for r in ("whole", "run"))
    assert all(torch.equal(found[name], value) for name, value in expected.items())
    counts = [[line for line in lines if line.startswith("total skipped: ")] for lines in (whole, resumed)]
    assert (
        counts[0]
        == counts[1]
        == ["total skipped: 4 photos or shards during training, 0 photos before training"]
    )


def test_a_full_disk_is_reported_in_one_line_and_the_last_checkpoint_is_kept(
    shard: Path, tmp_path: Path
) -> None:
    """A limit on file size makes a write fail as on a full disk."""
    config, run = tiny_config(shard, evaluate_every=1), tmp_path / "run"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    full_at: list[int] = []

    def fill(line: str | DalipError) -> None:
        if isinstance(line, str) and line.startswith("validation  step ") and not full_at:
            full_at.append(int(line.split()[2]))
            resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limits[1]))

    try:
        with refuses(
            TrainingError,
            match=r"checkpoint\.pt: the checkpoint cannot be written \(.*MiB free .*free some space",
        ) as error:
            train(config.with_values(save_minutes=0), run, report=fill)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert is_line(error.value)
    assert load_checkpoint(run / "checkpoint.pt")["step"] == full_at[0] - 1
    assert not list(run.glob("*.part"))
    go(config, run)
    go(config, tmp_path / "whole")
    assert (run / "log.csv").read_text() == (tmp_path / "whole" / "log.csv").read_text()


def test_a_run_is_not_resumed_with_another_configuration(finished: Path, shard: Path) -> None:
    with refuses(TrainingError, match=r"different settings \(epochs, seed\); choose a new folder"):
        go(tiny_config(shard, epochs=3, seed=9), finished)


def test_the_checkpoint_of_another_run_is_refused(finished: Path, shard: Path, tmp_path: Path) -> None:
    shutil.copyfile(finished / "checkpoint.pt", tmp_path / "checkpoint.pt")
    with refuses(
        TrainingError,
        match=r"checkpoint\.pt: the checkpoint is from a run with different settings \(head_lr\);",
    ) as error:
        go(tiny_config(shard, head_lr=2e-3), tmp_path)
    assert is_line(error.value)


def test_second_order_heads_cannot_be_dropped_by_a_new_run(
    finished: Path, shard: Path, tmp_path: Path
) -> None:
    with refuses(TrainingError, match=r"the weights have second-order heads; use the objective dalip"):
        go(tiny_config(shard, init=str(finished), objective="clip"), tmp_path)


def test_unsupported_image_sizes_are_refused_before_the_run(shard: Path) -> None:
    with refuses(
        TrainingError, match=r"train_sizes: the model local-dir:\S+ does not run at 64 pixels"
    ) as error:
        plan(tiny_config(shard, train_sizes=((0.5, 32), (1.0, 64))))
    assert is_line(error.value)


def test_a_plan_that_cannot_be_trained_is_refused(shard: Path) -> None:
    for wrong, words in (
        ({"cache_views": 2}, "needs a frozen image tower"),
        (
            {"freeze": ("image",), "classifier": 0.5},
            r"classifier = 0\.5: needs an image tower that is trained",
        ),
        ({"freeze": ("clip", "image_bdc", "text_bdc")}, "no parameters left to train"),
        ({"precision": "fp16"}, "needs a GPU"),
    ):
        with refuses(TrainingError, match=words) as error:
            plan(tiny_config(shard, **wrong))
        assert is_line(error.value)


def test_more_processes_than_gpus_are_refused(shard: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    monkeypatch.delenv("ACCELERATE_USE_CPU", raising=False)
    with refuses(TrainingError, match="2 processes cannot share 1 GPU; start one per GPU") as error:
        plan(tiny_config(shard))
    assert is_line(error.value)


def test_gpu_out_of_memory_is_reported_and_the_checkpoint_is_kept(
    finished: Path, shard: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory runs out when a checkpoint is loaded, or during a step."""

    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.\nMore words.")

    shutil.copytree(finished, tmp_path / "run", ignore=shutil.ignore_patterns("model.pt"))
    before = (tmp_path / "run" / "checkpoint.pt").read_bytes()
    for owner, name in ((torch.optim.AdamW, "load_state_dict"), (trainer.Trainer, "run_to_end")):
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, full)
            with refuses(TrainingError, match=r"out of memory .*accumulate") as error:
                go(tiny_config(shard), tmp_path / "run")
            assert is_line(error.value)
    assert (tmp_path / "run" / "checkpoint.pt").read_bytes() == before


def test_processes_that_find_different_checkpoints_stop(
    shard: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For example, on machines that do not share a disk."""
    monkeypatch.setattr(trainer, "gather_object", lambda mine: [*mine, 7])
    monkeypatch.setattr(Accelerator, "num_processes", 2)
    with refuses(TrainingError, match="the processes do not all find the same checkpoint") as error:
        go(tiny_config(shard), tmp_path / "run")
    assert is_line(error.value)


def test_missing_files_are_named(shard: Path, tmp_path: Path) -> None:
    with refuses(TrainingError, match=r"gone\.jsonl: no such file; check the path$"):
        go(tiny_config(shard, descriptions=str(tmp_path / "gone.jsonl")), tmp_path)
    with refuses(DataError, match=r"gone\.tar: no such file or folder"):
        go(tiny_config(tmp_path / "gone.tar"), tmp_path)


@pytest.mark.parametrize("change", ["photos", "texts", "labels"])
def test_a_run_is_not_resumed_on_other_data(shard: Path, tmp_path: Path, change: str) -> None:
    copy, config = tmp_path / "made.tar", tiny_config(tmp_path / "made.tar")
    copy.write_bytes(shard.read_bytes())
    go(config, tmp_path / "run")
    if change == "photos":
        write_shard(copy, photos=18)
    elif change == "texts":
        copy.write_bytes(copy.read_bytes().replace(b'buttercup"', b'buttercap"'))
    else:
        with tarfile.open(shard) as archive:
            members = {file.name: archive.extractfile(file).read() for file in archive}  # type: ignore[union-attr]
        one, other = (f"{record.key}.json" for record in read_records(shard)[:2])
        members[one], members[other] = members[other], members[one]
        write_tar(copy, members)
    with refuses(TrainingError, match=r"photos or texts were added, removed or changed since") as error:
        go(config, tmp_path / "run")
    assert is_line(error.value)


def test_ctrl_c_saves_and_the_run_resumes_as_if_never_stopped(
    finished: Path, shard: Path, tmp_path: Path
) -> None:
    """A real process receives Ctrl-C."""
    config, run = tiny_config(shard), tmp_path / "run"
    status, errors = stop_at(3, signal.SIGINT, config, run)
    assert status != 0
    assert f"stopped at step 4 of 14; `dalip train {run}` resumes it" in errors
    assert load_checkpoint(run / "checkpoint.pt")["step"] == 4
    go(config, run)
    assert (run / "log.csv").read_text() == (finished / "log.csv").read_text()


@pytest.mark.slow
def test_unreadable_validation_photos_are_reported_and_counted(tmp_path: Path) -> None:
    path = write_shard(tmp_path / "made.tar")
    keys = [record.key for record in read_records(path) if record.split == "selection"]
    damage(path, *keys[:3])
    lines = go(tiny_config(path), tmp_path / "run")
    assert {line.partition(": ")[0] for line in lines if line.startswith(str(path))} == {
        f"{path}:{key}" for key in keys[:3]
    }
    exported: list[str] = []
    manifest = export_and_describe(
        tmp_path / "run", describe=said, report=lambda line: exported.append(worded(line))
    )
    assert sum(line.startswith(str(path)) for line in exported) == 3
    assert manifest.details["selection"]["made"]["photos"] == len(keys) - 3
    page = (tmp_path / "run" / "README.md").read_text()
    assert f"chosen on {len(keys) - 3} validation photos" in page
    assert "3 more validation photos could not be read" in page
    assert all(f"- {path}:{key}: " in page for key in keys[:3])
    damage(path, *keys)
    shutil.rmtree(tmp_path / "run")
    assert any("none of the" in line for line in go(tiny_config(path), tmp_path / "run"))


@pytest.mark.parametrize(
    "other", [{"reduced_dim": 4}, {"embed_dim": 64}, {"objective": "clip"}, {"freeze": ()}]
)
def test_the_checkpoint_of_another_model_is_refused_in_one_line(
    finished: Path, shard: Path, tmp_path: Path, other: dict[str, Any]
) -> None:
    shutil.copyfile(finished / "checkpoint.pt", tmp_path / "checkpoint.pt")
    with refuses(
        TrainingError, match=r"checkpoint\.pt: the checkpoint does not fit this model \([^\n]+\); restore"
    ) as error:
        go(tiny_config(shard, **other), tmp_path)
    assert "Error(s) in loading" not in said(error.value)
    assert len(said(error.value)) < 400


@pytest.mark.parametrize(
    "wrong", ["cut short", "not one", "empty", "of code", "of other things", "a part is missing"]
)
def test_a_damaged_checkpoint_is_refused_in_one_line(
    finished: Path, shard: Path, tmp_path: Path, wrong: str
) -> None:
    path = tmp_path / "checkpoint.pt"
    whole = (finished / "checkpoint.pt").read_bytes()
    contents = {"cut short": whole[: len(whole) // 2], "not one": b"PK\x03\x04 broken", "empty": b""}
    if wrong in contents:
        path.write_bytes(contents[wrong])
    else:
        state = load_checkpoint(finished / "checkpoint.pt")
        del state["optimizer"]
        torch.save({"of code": os.getcwd, "of other things": [1], "a part is missing": state}[wrong], path)
    with refuses(
        TrainingError, match=r"checkpoint\.pt: (this is not a|the checkpoint does not fit)"
    ) as error:
        go(tiny_config(shard), tmp_path)
    assert is_line(error.value)


def test_an_unfinished_run_is_not_loaded(shard: Path, tmp_path: Path) -> None:
    tiny_config(shard).save(tmp_path / "config.json")
    create_towers(TOY, None, tmp_path / "towers", embed_dim=32, image_size=32)
    with refuses(
        TrainingError,
        match="this is not a finished run; if it was interrupted, resume it with `dalip train .*`",
    ):
        load_run(tmp_path)


@pytest.mark.parametrize(
    "wrong",
    [
        {"epochs": 0},
        {"epochs": "many"},
        {"batch_size": 1},
        {"num_heads": 5},
        {"balance": 2.0},
        {"balance": 0.5, "stream": True, "steps": 9},
        {"validate": ("a.tar",)},
        {"objective": "clap"},
        {"stream": True},
        {"seed": -1},
        {"precision": "fp8"},
        {"augment": "mirror"},
        {"erasing": 1.5},
        {"data": ()},
        {"data": "photos.tar"},
        {"head_lr": -1.0},
        {"tower_lr": -1e-9},
        {"weight_decay": -0.1},
        {"epochs": float("inf")},
        {"epochs": float("nan")},
        {"steps": 1.5},
        {"steps": True},
        {"cache": 5},
        {"mirror": 1},
        {"freeze": (1,)},
        {"accumulate": 9},
        {"train_sizes": ((1.0, 48.5),)},
        {"train_sizes": ((1.0, 48, 3),)},
        {"train_sizes": ((0.5, 48),)},
        {"num_heads": 0},
        {"save_minutes": -1},
    ],
)
def test_impossible_configurations_are_refused(wrong: dict[str, object], shard: Path) -> None:
    with refuses(
        TrainingError, match=rf"^{next(iter(wrong))} = .*: (must|needs|is only for|the last entry must) "
    ) as error:
        tiny_config(shard).with_values(**wrong)
    assert is_line(error.value)
