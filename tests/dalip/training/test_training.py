"""Training on small synthetic photos, with real towers, real checkpoints and processes that are really killed."""

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate.state import AcceleratorState
from paths import temporary
from tokenizers import Tokenizer
from wording import refuses

from dalip.datasets import read_records
from dalip.encoder.manifest import ImageSettings
from dalip.errors import ImageError, TrainingError
from dalip.export.export_run import export_run
from dalip.training import TrainConfig, trainer
from dalip.training.checkpoint import load_checkpoint
from dalip.training.data.batches import PhotoDataset
from dalip.training.data.corpus import load_corpus
from dalip.training.data.photo_features import _Views, cache_photo_features
from dalip.training.data.sampling import Item
from dalip.training.data.text_features import TextFeatures
from dalip.training.log import read_log
from dalip.training.loop import plan, train
from dalip.training.optimizer import EmaWeights
from dalip.training.towers.load_model import load_run
from tests.dalip.runs import TOY, small_config, stop_at, tiny_config

pytestmark = pytest.mark.usefixtures("unchecked_shapes")


@pytest.fixture(scope="module")
def finished(shard: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with temporary(tmp_path_factory, "runs") as folder:
        train(small_config(shard), folder / "whole")
        yield folder / "whole"


def test_a_run_learns_to_distinguish_colours_and_is_exported(finished: Path, tmp_path: Path) -> None:
    lines: list[str] = []
    manifest = export_run(finished, tmp_path / "encoder", report=lines.append)
    assert float(lines[-1].rpartition(" ")[2]) > 0.9999  # the lowest cosine similarity to the model
    accuracy = manifest.details["selection"]["made"]
    assert accuracy["top_1"] > 0.9
    assert manifest.trained_on == ("made",)
    assert (finished / "log.csv").read_text().startswith("step,quantity,value\n")


def test_a_killed_run_resumes_to_the_same_weights(shard: Path, tmp_path: Path) -> None:
    config = tiny_config(
        shard, norm="batch", classifier=1.0, genus_weight=0.5, low_resolution=0.5, evaluate_every=1
    )
    train(config, tmp_path / "whole")
    saving = config.with_values(save_minutes=0)
    killed_at: list[int] = []
    for target in (2, 5):  # two kills at different steps, during the step or while its checkpoint is written
        status, _ = stop_at(target, signal.SIGKILL, saving, tmp_path / "run", late=0.3)
        assert status == -signal.SIGKILL
        killed_at.append(int(load_checkpoint(tmp_path / "run" / "checkpoint.pt")["step"]))
    assert 0 < killed_at[0] < killed_at[1]
    train(config, tmp_path / "run")
    for file, part in (("model.pt", "model"), ("checkpoint.pt", "loss")):
        expected, found = (load_checkpoint(tmp_path / run / file)[part] for run in ("whole", "run"))
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            assert torch.equal(found[name], value), name
    assert (tmp_path / "run" / "log.csv").read_text() == (tmp_path / "whole" / "log.csv").read_text()


def test_the_classifier_of_a_run_learns_the_taxa_and_is_not_part_of_the_model(
    shard: Path, tmp_path: Path
) -> None:
    train(tiny_config(shard, classifier=1.0, epochs=8), tmp_path)
    measured = read_log(tmp_path)
    assert measured["made classifier species top-1"][-1][1] > 0.9
    losses = [loss for _, loss in measured["loss"]]
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])
    assert "classifier.weight" in load_checkpoint(tmp_path / "checkpoint.pt")["loss"]
    assert not any("classifier" in name for name in load_checkpoint(tmp_path / "model.pt")["model"])


def test_ema_weights_follow_trained_parameters_and_leave_the_rest() -> None:
    """Averaging an attention mask would turn its infinities into NaN, and averaging indices would change them."""
    layer = torch.nn.Sequential(torch.nn.Linear(1, 1), torch.nn.BatchNorm1d(1, momentum=0.5))
    layer[0].register_buffer("mask", torch.tensor([0.0, float("-inf")]), persistent=False)
    layer[0].bias.requires_grad = False
    mean = EmaWeights(layer, 0.9)
    weight = layer[0].weight.detach().clone()
    for _ in range(3):
        with torch.no_grad():
            layer[0].weight.add_(1)
            layer(torch.randn(8, 1))
        mean.follow()
    assert torch.equal(mean.model[0].mask, layer[0].mask)
    torch.testing.assert_close(mean.model[0].weight, weight + 1 + 0.1 + 0.19)
    assert mean.model[1].num_batches_tracked == 3
    assert not torch.equal(mean.model[1].running_mean, layer[1].running_mean)
    other = EmaWeights(layer, 0.9)
    other.load_state_dict(mean.state_dict())
    assert torch.equal(other.model[0].weight, mean.model[0].weight)
    assert other.steps == 3


def test_text_features_do_not_depend_on_the_batch(finished: Path) -> None:
    model, towers, _ = load_run(finished)
    model.requires_grad_(False)
    tokenizer, device = Tokenizer.from_buffer(towers.tokenizer), torch.device("cpu")
    features = [TextFeatures(model, tokenizer, towers.text)(t, device)[2] for t in (["a", "a b " * 9], ["a"])]
    assert features[0] is not None
    assert features[1] is not None
    assert torch.equal(features[0][0, : features[1].shape[1]], features[1][0])


def test_a_loss_that_is_not_finite_stops_the_run_and_names_the_photos(shard: Path, tmp_path: Path) -> None:
    with refuses(TrainingError, match=r"the (loss|gradient norm) is (nan|inf) at step \d+; .*-\d+$"):
        train(tiny_config(shard, head_lr=1e30, tower_lr=1e30), tmp_path)


def test_a_gradient_that_is_not_finite_does_not_reach_the_weights(
    shard: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = trainer.backward

    def broken(accelerator: Any, model: torch.nn.Module, *rest: Any) -> torch.Tensor:
        loss = whole(accelerator, model, *rest)  # type: ignore[arg-type]
        for parameter in model.parameters():
            if parameter.grad is not None:
                parameter.grad.mul_(float("nan"))
        return loss

    monkeypatch.setattr(trainer, "backward", broken)
    with refuses(TrainingError, match=r"the gradient norm is nan at step 0; .*: (\S+, ){7}\S+$"):
        train(tiny_config(shard, save_minutes=0), tmp_path)
    assert not (tmp_path / "checkpoint.pt").exists()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_a_gpu_trains_in_half_precision_to_nearly_the_same_losses(
    precision: str, shard: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ACCELERATE_USE_CPU", raising=False)
    AcceleratorState._reset_state(reset_partial_state=True)
    for name in ("no", precision):
        train(small_config(shard, precision=name), tmp_path / name)
    AcceleratorState._reset_state(reset_partial_state=True)
    assert losses_of(tmp_path / precision) == pytest.approx(losses_of(tmp_path / "no"), rel=0.05)


def test_settings_that_do_not_affect_the_result_may_change(finished: Path, shard: Path) -> None:
    """A finished run stays finished if the number of loading processes changes."""
    before = load_checkpoint(finished / "model.pt")["model"]
    train(small_config(shard, workers=1, save_minutes=5), finished)
    after = load_checkpoint(finished / "model.pt")["model"]
    assert all(torch.equal(after[name], value) for name, value in before.items())


def test_a_saved_configuration_keeps_its_training_sizes(shard: Path, tmp_path: Path) -> None:
    config = small_config(shard, epochs=0.5, train_sizes=((0.5, 32), (1.0, 64)))
    config.save(tmp_path / "config.json")
    assert TrainConfig.load(tmp_path / "config.json") == config
    assert [config.size_at(p, 96) for p in (0, 0.49, 0.5, 0.99)] == [32, 32, 64, 64]
    assert small_config(shard).size_at(0.5, 96) == 96


@pytest.mark.parametrize("augment", ["colour", "trivial"])
def test_a_training_crop_depends_only_on_its_draw(augment: str, shard: Path) -> None:
    config = small_config(shard, augment=augment, erasing=1.0)
    settings = ImageSettings(64, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
    photos = PhotoDataset(load_corpus(config), config, settings)

    def crop(position: int, draw: int) -> torch.Tensor:
        found = photos[Item(position, draw, 48)].photo
        assert found is not None
        return found

    first = crop(0, 0)
    assert first.shape == (3, 48, 48)
    assert first.dtype == torch.float32
    assert 0.01 < (first == 0).all(0).float().mean() < 0.4  # the erased part
    torch.manual_seed(5)
    assert torch.equal(crop(0, 0), first)
    assert not torch.equal(crop(0, 1), first)


def test_a_run_starts_from_the_weights_of_another(finished: Path, shard: Path, tmp_path: Path) -> None:
    still = {"tower_lr": 0.0, "head_lr": 0.0, "ema_decay": 0.0}
    config = small_config(shard, init=str(finished), epochs=0.5, **still)
    train(config, tmp_path / "run")
    first, second = (dict(load_run(run)[0].named_parameters()) for run in (finished, tmp_path / "run"))
    for name, value in first.items():
        assert torch.equal(second[name], value), name
    with refuses(TrainingError, match="has norm = 'layer', so a run that starts from it cannot have 'batch'"):
        plan(config.with_values(norm="batch"))


def test_a_run_starts_from_another_whose_origin_is_gone(finished: Path, shard: Path, tmp_path: Path) -> None:
    """The origin can be a folder for open_clip or a download; the new run uses a different image size."""
    gone = tmp_path / "gone"
    shutil.copytree(finished, gone)
    TrainConfig.load(gone / "config.json").with_values(model="local-dir:/gone").save(gone / "config.json")
    config = small_config(shard, model="local-dir:/gone", init=str(gone), image_size=80, steps=1)
    train(config, tmp_path / "run")
    assert load_run(tmp_path / "run")[1].image.size == 80
    assert load_run(finished)[1].image.size == 64


def test_towers_use_no_dropout(shard: Path, tmp_path: Path) -> None:
    """all-MiniLM-L6-v2 has a dropout of 0.1, which would differ between micro-batches."""
    texts = [(torch.randint(1000, 2000, (2, 9)), torch.ones(2, 9, dtype=torch.bool))] * 2
    config = small_config(shard, freeze=(), dropout=0.0, steps=1, evaluate_every=0.0)
    models: list[trainer.Trainer] = []

    def take_step(self: trainer.Trainer, batch: object) -> float:
        models.append(self)
        return 0.0

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer.Trainer, "take_step", take_step)
        train(config, tmp_path / "run")
    models[0].train_mode()
    one, two = (models[0].bare.encode_text(*text).first_order for text in texts)
    assert models[0].bare.clip.text.training
    assert torch.equal(one, two)


def losses_of(run: Path) -> list[float]:
    return [value for _, value in read_log(run)["loss"]]


@pytest.mark.parametrize(
    "model", [pytest.param(TOY, id="toy"), pytest.param("lite0-minilm", marks=pytest.mark.slow)]
)
def test_gradient_checkpointing_changes_nothing(model: str, shard: Path, tmp_path: Path) -> None:
    plain = {"model": model, "steps": 3, "freeze": (), "dropout": 0.0, "evaluate_every": 0.0}
    for name, checkpointed in (("plain", False), ("checkpointed", True)):
        size = 32 if model == TOY else 64
        config = small_config(shard, **plain, image_size=size, checkpoint_gradients=checkpointed)
        train(config, tmp_path / name)
    assert losses_of(tmp_path / "checkpointed") == pytest.approx(losses_of(tmp_path / "plain"), rel=1e-4)


def test_bf16_trains_to_nearly_the_same_losses(shard: Path, tmp_path: Path) -> None:
    for precision in ("no", "bf16"):
        config = tiny_config(shard, freeze=(), steps=3, precision=precision, evaluate_every=0.0)
        train(config, tmp_path / precision)
    assert losses_of(tmp_path / "bf16") == pytest.approx(losses_of(tmp_path / "no"), rel=0.05)
    assert losses_of(tmp_path / "bf16") != losses_of(tmp_path / "no")


@pytest.mark.parametrize(
    "objective",
    [
        "joint",
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in ("clip", "first-order", "second-order", "siglip")
        ),
    ],
)
def test_every_objective_learns_and_exports(objective: str, shard: Path, tmp_path: Path) -> None:
    config = tiny_config(shard, freeze=(), objective=objective, epochs=6, head_lr=2e-3)
    train(config, tmp_path / "run")
    losses = losses_of(tmp_path / "run")
    assert sum(losses[-4:]) < 0.9 * sum(losses[:4])
    assert (load_run(tmp_path / "run")[0].config is not None) == (objective in ("joint", "second-order"))
    if objective == "clip":
        manifest = export_run(tmp_path / "run", tmp_path / "encoder")
        assert [(block.name, block.weight) for block in manifest.blocks] == [("first_order", 1.0)]


def test_heads_learn_from_cached_features_of_frozen_towers(
    finished: Path, shard: Path, tmp_path: Path
) -> None:
    """The features are computed once for several runs, and equal those of the tower for the same crops."""
    frozen = {"freeze": ("image", "text"), "cache_views": 2, "cache": str(tmp_path / "cache")}
    lines: list[str] = []
    for seed in (0, 1):
        config = small_config(shard, init=str(finished), seed=seed, steps=2, **frozen)
        train(config, tmp_path / f"run{seed}", report=lines.append)
    assert sum(line.startswith("photo features") for line in lines) == 1
    first, second = (dict(load_run(run)[0].named_parameters()) for run in (finished, tmp_path / "run0"))
    changed = {name for name, value in first.items() if not torch.equal(second[name], value)}
    assert changed
    assert not any(".trunk." in name or "text.transformer" in name for name in changed)
    model, towers, config = load_run(tmp_path / "run0")
    records = PhotoDataset(load_corpus(config), config, towers.image).records
    features = cache_photo_features(model, records, config, towers.image, tmp_path / "cache", report=print)
    crop = _Views(records, config, towers.image, 64)[2 * 3 + 1]
    assert isinstance(crop, torch.Tensor)
    with torch.no_grad():
        expected = model.image_tower.features(crop[None])[0]
    torch.testing.assert_close(features.read(3, seed=1), expected, atol=5e-3, rtol=5e-3)


def test_features_are_recomputed_if_a_photo_changes_under_the_same_name(
    finished: Path, shard: Path, tmp_path: Path
) -> None:
    (tmp_path / "Rosa").mkdir()
    frozen = {"freeze": ("image", "text"), "cache_views": 1, "init": str(finished)}
    config = small_config(tmp_path, **frozen)
    model, towers, _ = load_run(finished)
    records = [r for r in read_records(shard) if r.taxon]

    def features(content: bytes) -> torch.Tensor:
        (tmp_path / "Rosa" / "a.png").write_bytes(content)
        photo = read_records(tmp_path)
        found = cache_photo_features(model, photo, config, towers.image, tmp_path / "cache", report=print)
        return found.read(0, 0)

    red = features(records[0].read_bytes())
    assert not torch.equal(features(records[-1].read_bytes()), red)
    with pytest.raises(ImageError):
        features(b"no image")
    assert torch.equal(features(records[0].read_bytes()), red)


def test_features_of_a_trained_tower_cannot_be_cached(shard: Path, tmp_path: Path) -> None:
    with refuses(TrainingError, match="cache_views = 2: needs a frozen image tower"):
        train(small_config(shard, cache_views=2), tmp_path / "run")
