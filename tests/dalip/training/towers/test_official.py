"""Loading the authors' checkpoint reproduces the authors' features, and other files are refused."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from wording import refuses, said

from dalip.errors import TrainingError
from dalip.model import DALIP, MethodConfig
from dalip.training import TrainConfig
from dalip.training.inherit import settings_of
from dalip.training.loop import plan, train
from dalip.training.towers.load_model import load_model, load_run, load_weights
from tests.dalip.official import GOLDEN, State, full_state, save, small_model, small_state

WRAPPINGS: dict[str, Callable[[State], Any]] = {
    "plain": lambda state: state,
    "state_dict": lambda state: {"state_dict": state, "epoch": 3, "name": "run"},
    "module": lambda state: {"state_dict": {f"module.{name}": value for name, value in state.items()}},
}


def test_the_checkpoint_reproduces_the_authors_features(tmp_path: Path) -> None:
    loaded = load_model(str(save(tmp_path / "authors.pt", full_state())))
    (tmp_path / "authors.pt").unlink()
    assert loaded.config is None
    assert loaded.model.config == MethodConfig(4, 46, dropout=0.5, count_padding=True)
    assert (loaded.towers.image.size, loaded.towers.text.context_length) == (224, 77)
    pixels = np.random.default_rng(1).standard_normal((2, 3, 224, 224)).astype(np.float32)
    expected = np.load(GOLDEN / "official_model_outputs.npz")
    with torch.inference_mode():
        image = loaded.model.encode_image(torch.from_numpy(pixels))
        text = loaded.model.encode_text(torch.from_numpy(expected["text_ids"]))
    for name, found in (("image", image), ("text", text)):
        np.testing.assert_allclose(found.first_order, expected[f"{name}_first"], atol=1e-4, rtol=0)
        np.testing.assert_allclose(found.second_order, expected[f"{name}_second"], atol=1e-4, rtol=0)


@pytest.fixture(scope="module")
def small() -> DALIP:
    return small_model(0)


@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_all_sizes_are_derived_from_the_shapes(small: DALIP, tmp_path: Path, wrapping: str) -> None:
    path = save(tmp_path / "small.pt", WRAPPINGS[wrapping](small_state(small)))
    loaded = load_model(str(path))
    assert loaded.towers.image.size == 48
    pixels, ids = torch.randn(3, 3, 48, 48), torch.randint(1, 49408, (2, 9))
    with torch.inference_mode():
        for ours, theirs in (
            (loaded.model.encode_image(pixels), small.encode_image(pixels)),
            (loaded.model.encode_text(ids), small.encode_text(ids)),
        ):
            torch.testing.assert_close(ours.first_order, theirs.first_order)
            torch.testing.assert_close(ours.second_order, theirs.second_order)


def test_a_model_starts_from_the_authors_weights(small: DALIP, tmp_path: Path) -> None:
    path = save(tmp_path / "small.pt", {"state_dict": small_state(small)})
    model = small_model(1)
    load_weights(model, path)
    for name, value in small.state_dict().items():
        assert torch.equal(model.state_dict()[name], value), name
    with refuses(TrainingError, match=r"small.pt: .*visual.positional_embedding has the shape 10 x 128"):
        load_weights(small_model(1, image_size=32), path)


def test_a_run_starts_from_the_authors_weights_of_any_size(small: DALIP, shard: Path, tmp_path: Path) -> None:
    """The finished run can start another one without their file; settings that do not fit are refused first."""
    path = save(tmp_path / "small.pt", small_state(small))
    still = {"epochs": 0.1, "batch_size": 4, "tower_lr": 0.0, "head_lr": 0.0, "ema_decay": 0.0, "workers": 0}
    config = TrainConfig(data=(str(shard),), init=str(path), **(settings_of(path) | still))
    assert (config.model, config.dropout, config.count_padding) == ("small.pt", 0.5, True)
    with refuses(TrainingError, match=r"small.pt: this has model = 'small.pt', so a run"):
        plan(config.with_values(model="ViT-B-16-quickgelu"))
    train(config, tmp_path / "run")
    path.unlink()
    again = config.with_values(**settings_of(tmp_path / "run"), init=str(tmp_path / "run"))
    train(again, tmp_path / "again")
    for run in ("run", "again"):
        state = load_run(tmp_path / run)[0].state_dict()
        assert all(torch.equal(state[name], value) for name, value in small.named_parameters()), run


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"visual.ln_post.bias": None}, "visual.ln_post.bias is missing"),
        ({"visual.conv1.weight": None}, "does not contain visual.conv1.weight"),
        ({"tbdc.conv_dr_block.0.weight": None}, "does not contain tbdc.conv_dr_block.0.weight"),
        ({"fc2.weight": None}, "fc2.weight is missing"),
        (
            {"visual.fc2.weight": torch.zeros(48, 44)},
            "visual.fc2.weight has the shape 48 x 44 instead of 48 x 45",
        ),
        (
            {"positional_embedding": torch.zeros(77)},
            "positional_embedding has the impossible shape 77; copy the checkpoint again",
        ),
        ({"tbdc.conv_dr_block.0.weight": torch.zeros(5, 17)}, "must divide|do not fit"),
        ({"token_embedding.weight": torch.zeros(100, 64)}, "widths 128, 64 and a vocabulary of 100 tokens"),
        ({"positional_embedding": torch.zeros(77, 32)}, "widths 128, 32 and"),
        ({"fc3.weight": torch.zeros(2)}, "which has no fc3.weight"),
    ],
)
def test_missing_and_mismatched_tensors_are_named(
    small: DALIP, tmp_path: Path, change: dict[str, torch.Tensor | None], message: str
) -> None:
    state = {name: value for name, value in (small_state(small) | change).items() if value is not None}
    path = save(tmp_path / "small.pt", state)
    with refuses(TrainingError, match=message) as caught:
        load_model(str(path))
    assert said(caught.value).startswith(f"{path}: ")
    assert "\n" not in said(caught.value)


class Runs:
    """A pickle that creates a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_files_that_are_not_checkpoints_are_refused_in_one_line(small: DALIP, tmp_path: Path) -> None:
    whole = save(tmp_path / "whole.pt", small_state(small)).read_bytes()
    ran = tmp_path / "ran"
    files = {
        "cut.pt": whole[: len(whole) // 2],
        "empty.pt": b"",
        "text.pt": b"These are not weights.\n",
        "pickle.pt": pickle.dumps({"state_dict": Runs(ran)}),
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    save(tmp_path / "code.pt", {"state_dict": small_state(small), "more": Runs(ran)})
    save(tmp_path / "list.pt", [torch.zeros(3)])
    save(tmp_path / "other.pt", {"state_dict": {"visual.proj": torch.zeros(3)}})
    save(tmp_path / "numbers.pt", {"visual.vbdc.ln.weight": 3})
    for name in (*files, "code.pt", "list.pt", "other.pt", "numbers.pt"):
        for load in (load_model, lambda source: load_weights(small_model(1), Path(source))):
            with pytest.raises(TrainingError) as caught:
                load(str(tmp_path / name))
            assert said(caught.value).startswith(f"{tmp_path / name}: "), name
            assert "\n" not in said(caught.value), name
    assert not ran.exists()


def test_a_folder_that_is_not_a_run_is_refused_with_a_suggestion(tmp_path: Path) -> None:
    with refuses(TrainingError, match=f"local-dir:{tmp_path}"):
        load_model(str(tmp_path))
    with refuses(TrainingError, match="omit 'openai'"):
        load_model(str(tmp_path), pretrained="openai")
    with refuses(TrainingError, match="not a finished run"):
        load_weights(small_model(0), tmp_path)
    with refuses(TrainingError, match=r"gone\.pt"):
        load_weights(small_model(0), tmp_path / "gone.pt")
