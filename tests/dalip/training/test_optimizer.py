"""Optimizer: which parameters are trained, the learning rate schedule, and gradient clipping."""

import math
from pathlib import Path

import pytest
import torch
from wording import refuses

from dalip.errors import TrainingError
from dalip.model import DALIP
from dalip.training.config import TrainConfig
from dalip.training.loop import train
from dalip.training.optimizer import freeze, parameter_groups, schedule
from dalip.training.towers.create import create_towers
from dalip.training.towers.load_model import method_of
from tests.dalip.runs import TOY, tiny_config

pytestmark = pytest.mark.usefixtures("unchecked_shapes")


@pytest.fixture
def model(tmp_path: Path) -> DALIP:
    towers = create_towers(TOY, None, tmp_path, embed_dim=32, image_size=32)
    return DALIP(towers.clip, method_of(tiny_config("photos")))


def names(model: DALIP, group: dict[str, list[torch.Tensor]]) -> set[str]:
    mine = {id(parameter) for parameter in group["params"]}
    return {name for name, parameter in model.named_parameters() if id(parameter) in mine}


def test_learning_rates_warm_up_linearly_and_follow_the_schedule() -> None:
    assert [schedule(step, 40, 0.1) for step in range(4)] == [0.25, 0.5, 0.75, 1.0]
    assert schedule(4, 40, 0.1) == 1.0
    assert schedule(22, 40, 0.1) == pytest.approx(0.5)
    assert schedule(13, 40, 0.1) == pytest.approx(0.5 * (1 + math.cos(math.pi / 4)))
    assert schedule(13, 40, 0.1, "linear") == pytest.approx(0.75)
    assert schedule(39, 40, 0.1, "linear") == pytest.approx(1 / 36)
    assert schedule(39, 40, 0.1, "constant") == 1.0
    assert schedule(0, 1, 0.0) == 1.0


def test_an_unused_logit_bias_is_not_trained(model: DALIP) -> None:
    """Otherwise, with several processes, each would wait for its gradient."""
    model.clip.logit_bias = torch.nn.Parameter(torch.zeros(()))
    freeze(model, ())
    assert [name for name, p in model.named_parameters() if not p.requires_grad] == ["clip.logit_bias"]


def test_the_optimizer_gets_the_scheduled_rates(
    shard: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates: list[set[float]] = []
    take = torch.optim.AdamW.step

    def step(self: torch.optim.AdamW, *arguments: object) -> object:
        rates.append({group["lr"] for group in self.param_groups})
        return take(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(torch.optim.AdamW, "step", step)
    config = tiny_config(shard, steps=10, warmup=0.2, schedule="linear", tower_lr=1e-3, head_lr=4e-3)
    train(config, tmp_path)
    factors = [schedule(i, 10, 0.2, "linear") for i in range(10)]
    assert rates == [{4e-3 * factor} for factor in factors]  # the model has no pretrained weights


def test_learning_rate_and_decay_depend_on_pretraining_and_dimension(model: DALIP) -> None:
    config = TrainConfig(data=("photos",), tower_lr=1e-4, head_lr=1e-2, weight_decay=0.3)
    groups = parameter_groups(model, ("visual.conv1.",), config)
    found = {(group["lr"], group["weight_decay"]): names(model, group) for group in groups}
    every = {name: parameter.ndim > 1 for name, parameter in model.named_parameters()}
    new = {n for n in every if not n.startswith("clip.") or n.startswith("clip.visual.conv1.")}
    assert found[1e-2, 0.3] == {n for n in new if every[n]}
    assert found[1e-2, 0.0] == {n for n in new if not every[n]}
    assert found[1e-4, 0.3] == {n for n in every if n not in new and every[n]}
    assert found[1e-4, 0.0] == {n for n in every if n not in new and not every[n]}
    assert "clip.logit_scale" in found[1e-4, 0.0]


def test_frozen_weights_are_not_trained(model: DALIP) -> None:
    def learning() -> set[str]:
        return {name for name, parameter in model.named_parameters() if parameter.requires_grad}

    every = learning()
    freeze(model, ("clip.visual.transformer.resblocks.0.", "clip.visual.conv1"))
    gone = every - learning()
    assert gone
    assert gone == {
        n for n in every if n.startswith(("clip.visual.transformer.resblocks.0.", "clip.visual.conv1"))
    }
    freeze(model, ("image", "text"))
    left = learning()
    assert not any(
        id(p) in {id(b) for b in model.image_tower.body} for p in model.parameters() if p.requires_grad
    )
    assert {"clip.visual.proj", "clip.text_projection", "clip.logit_scale"} <= left
    assert any(n.startswith("image_bdc.") for n in left)
    freeze(model, ("clip.", "image_bdc.", "text_bdc."))
    with refuses(TrainingError, match="no parameters left to train"):
        parameter_groups(model, (), tiny_config("photos"))


def test_frozen_weights_are_the_same_after_training(shard: Path, tmp_path: Path) -> None:
    config = tiny_config(shard, steps=3, freeze=("clip.visual.transformer.resblocks.0.",), ema_decay=0)
    train(config, tmp_path / "run")
    trained = torch.load(tmp_path / "run" / "model.pt", weights_only=True)["model"]
    torch.manual_seed(config.seed)
    start = create_towers(TOY, None, tmp_path / "towers", embed_dim=32, image_size=32).clip.state_dict()
    same = {name for name, value in start.items() if torch.equal(trained[f"clip.{name}"], value)}
    frozen = {name for name in start if name.startswith("visual.transformer.resblocks.0.")}
    assert frozen <= same
    assert not any(name.startswith("visual.transformer.resblocks.1.attn") for name in same)


def test_gradients_are_clipped(shard: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    norms: list[float] = []
    take = torch.optim.AdamW.step

    def step(self: torch.optim.AdamW, *arguments: object) -> object:
        gradients = [p.grad for group in self.param_groups for p in group["params"] if p.grad is not None]
        norms.append(float(torch.nn.utils.get_total_norm(gradients)))
        return take(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(torch.optim.AdamW, "step", step)
    train(tiny_config(shard, steps=3, grad_clip=1e-3), tmp_path)
    assert len(norms) == 3
    assert max(norms) == pytest.approx(1e-3, rel=1e-3)
