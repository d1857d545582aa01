"""pybioclip as an oracle: with the same weights, DALIP gives the same embeddings, scores and ranking.

pybioclip is the program of BioCLIP's makers. Both get a ViT-B/16 with random weights from a hub on loopback.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from hub import model_hub
from paths import temporary
from PIL import Image
from safetensors.torch import save_file

from dalip.encoder import Encoder
from dalip.export.export_downloaded import bioclip_prompts
from dalip.prompt_templates import BIOCLIP, prompts_for
from dalip_index import load_flora
from dalip_index.build.contents import read_contents
from tests.app.conftest import environment, run

pytestmark = pytest.mark.slow

FAMILIES = {
    "Rosaceae": "Rosa",
    "Poaceae": "Poa",
    "Pinaceae": "Pinus",
    "Fabaceae": "Vicia",
    "Sphagnaceae": "Sphagnum",
}
EPITHETS = ("alba", "canina", "montana", "repens", "sylvestris", "vulgaris")
ORACLE = """
import sys, json, torch
import numpy as np
from bioclip import CustomLabelsClassifier
labels, photos, out = json.loads(sys.argv[1]), json.loads(sys.argv[2]), sys.argv[3]
torch.compile = lambda model: model  # needs a C++ compiler, and does not change the result
classifier = CustomLabelsClassifier(labels, model_str="hf-hub:imageomics/bioclip")
images = [classifier.ensure_rgb_image(photo) for photo in photos]
scores = {(row["file_name"], row["classification"]): row["score"] for row in classifier.predict(photos)}
np.savez(
    out,
    images=classifier.create_image_features(images).numpy(),
    texts=classifier.txt_embeddings.T.numpy(),
    scores=[[scores[photo, label] for label in labels] for photo in photos],
    scale=classifier.model.logit_scale.exp().item(),
)
"""


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of programs that see a hub with a ViT-B/16 of random weights under BioCLIP's name."""
    with temporary(tmp_path_factory, "pybioclip") as folder, model_hub(folder / "hub") as hub:
        repository = folder / "hub" / "imageomics" / "bioclip"
        repository.mkdir(parents=True)
        torch.manual_seed(0)
        clip = open_clip.create_model("ViT-B-16")
        with (
            torch.no_grad()
        ):  # fresh text towers hardly distinguish texts, and the order of classes would be noise
            for block in clip.transformer.resblocks:
                block.attn.in_proj_weight *= 4
            clip.token_embedding.weight *= 20
        preprocess = {"mean": open_clip.OPENAI_DATASET_MEAN, "std": open_clip.OPENAI_DATASET_STD}
        content = {"model_cfg": open_clip.get_model_config("ViT-B-16"), "preprocess_cfg": preprocess}
        (repository / "open_clip_config.json").write_text(json.dumps(content))
        save_file(clip.state_dict(), repository / "open_clip_model.safetensors")
        yield {
            "HF_ENDPOINT": hub.address,
            "HF_HOME": str(folder / "cache"),
            "DALIP_DATA_DIR": str(folder / "data"),
        }


def test_embeddings_scores_and_ranking_equal_those_of_pybioclip(
    settings: dict[str, str], tmp_path: Path
) -> None:
    got = run(["dalip", "encoder", "get", "bioclip"], fresh=True, **settings)
    assert got.status == 0, got.err
    rows = [f"{genus} {epithet},{family}" for family, genus in FAMILIES.items() for epithet in EPITHETS]
    (tmp_path / "taxa.csv").write_text("\n".join(["scientificName,family", *rows]))
    flora = tmp_path / "flora"
    build = ["dalip", "index", "build", "--encoder", "bioclip", "--taxa", tmp_path / "taxa.csv", flora]
    built = run(build, fresh=True, **settings)
    assert built.status == 0, built.err
    photos = []
    for number, (size, cells) in enumerate(
        [((320, 240), 8), ((224, 224), 40), ((300, 500), 3), ((90, 400), 90)]
    ):
        pattern = np.random.default_rng(number).integers(0, 256, (cells, cells, 3), dtype=np.uint8)
        photos.append(str(tmp_path / f"{number}.png"))
        Image.fromarray(pattern).resize(size, Image.Resampling.BICUBIC).save(photos[-1])

    taxa = read_contents(flora).taxa
    labels = [texts[0] for texts in prompts_for(taxa, [BIOCLIP], len(taxa))]
    arguments = [json.dumps(labels), json.dumps(photos), str(tmp_path / "oracle.npz")]
    subprocess.run([sys.executable, "-c", ORACLE, *arguments], env=environment(**settings), check=True)
    oracle = np.load(tmp_path / "oracle.npz")

    encoder = Encoder.load(Path(settings["DALIP_DATA_DIR"]) / "encoders" / "bioclip")
    images = encoder.encode_images([Image.open(photo) for photo in photos])
    np.testing.assert_allclose(images, oracle["images"], atol=1e-4)
    texts = [encoder.encode_text(texts).mean(0) for texts in prompts_for(taxa, bioclip_prompts(), len(taxa))]
    described = np.stack([text / np.linalg.norm(text) for text in texts])
    np.testing.assert_allclose(described, oracle["texts"], atol=1e-4)

    seen = [row for _, row in encoder.encode_files([Path(photo) for photo in photos], appearance=True)]
    similarities = load_flora(flora, encoder).similarities(np.stack(seen)).values
    logits = float(oracle["scale"]) * similarities
    scores = np.exp(logits - logits.max(axis=1, keepdims=True))
    scores /= scores.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(scores, oracle["scores"], atol=1e-4)
    np.testing.assert_array_equal(
        np.argsort(-scores, kind="stable"), np.argsort(-oracle["scores"], kind="stable")
    )
