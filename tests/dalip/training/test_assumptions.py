"""Assumptions about a model are reported, but not what its files state."""

from pathlib import Path

import open_clip
import pytest
import torch
from wording import said

from dalip.errors import DalipError
from dalip.training.torch_embedder import load_embedder
from dalip.training.towers.create import create_towers
from tests.dalip.training.towers.test_create import write_model


def test_assumptions_about_a_weights_file_are_reported(tmp_path: Path) -> None:
    weights = tmp_path / "weights.pt"
    torch.save(open_clip.create_model("ViT-S-32-alt").state_dict(), weights)
    notes: list[DalipError] = []
    create_towers("ViT-S-32-alt", str(weights), tmp_path / "towers", report=notes.append)
    mean, deviation = "mean 0.481 0.458 0.408", "standard deviation 0.269 0.261 0.276"
    assert said(notes[0]) == (
        f"{weights}: the weights do not say how images were preprocessed; assuming {mean} and {deviation}, "
        "and GELU as in ViT-S-32-alt"
    )
    create_towers("ViT-B-32-quickgelu", str(weights), tmp_path / "plan", untrained=True, report=notes.append)
    assert said(notes[1]).endswith("QuickGELU as in ViT-B-32-quickgelu")
    load_embedder(f"ViT-S-32-alt@{weights}", report=notes.append)
    assert said(notes[2]) == said(notes[0])


@pytest.mark.parametrize("known", [True, False])
def test_nothing_is_assumed_if_a_model_folder_states_its_preprocessing(known: bool, tmp_path: Path) -> None:
    lines: list[str] = []
    model = write_model(tmp_path / "model", **({} if known else {"preprocess_cfg": {}}))
    create_towers(f"local-dir:{model}", None, tmp_path / "towers", report=lines.append)
    assert len(lines) == (not known)
    create_towers("tiny", None, tmp_path / "tiny", report=lines.append)
    create_towers("ViT-B-16-quickgelu", "openai", tmp_path / "paper", untrained=True, report=lines.append)
    assert len(lines) == (not known)
