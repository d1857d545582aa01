"""`dalip encoder`: models come from a hub, floras remember them, and encoders can be published."""

import json
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from hub import REVISION, Hub, model_hub
from paths import temporary
from PIL import Image
from safetensors.torch import save_file
from torch.nn import functional as F

from dalip.encoder import Encoder, read_manifest
from dalip.prompt_templates import BIOCLIP
from dalip_index.build.contents import read_contents
from tests.app.conftest import BIN, Done, World, environment, run

CONFIG = {
    "embed_dim": 64,
    "vision_cfg": {"image_size": 64, "layers": 1, "width": 64, "patch_size": 16, "head_width": 32},
    "text_cfg": {"width": 64, "heads": 2, "layers": 1, "context_length": 77, "vocab_size": 49408},
}
_WRITTEN_AT_ONCE = 10 * 2**20  # bytes of a download
TAXA = "scientificName,family,vernacularName\nRosa canina,Rosaceae,Dog rose\nBellis perennis,Asteraceae,\n"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub with a small model of random weights under the name of BioCLIP."""
    with temporary(tmp_path_factory, "hub") as root, model_hub(root) as server:
        write_model(root / "imageomics" / "bioclip")
        yield server


def write_model(folder: Path) -> None:
    folder.mkdir(parents=True)
    preprocess = {"mean": [0.48, 0.46, 0.41], "std": [0.27, 0.26, 0.28]}
    content = {"model_cfg": CONFIG, "preprocess_cfg": preprocess}
    (folder / "open_clip_config.json").write_text(json.dumps(content))
    (folder / "README.md").write_text("---\nlicense: mit\n---\n# A model\n")
    torch.manual_seed(0)
    clip = open_clip.create_model(f"local-dir:{folder}")
    save_file(clip.state_dict(), folder / "open_clip_model.safetensors")


@pytest.fixture(scope="module")
def settings(hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of commands that share a data folder and a cache."""
    with temporary(tmp_path_factory, "user") as folder:
        yield {
            "HF_ENDPOINT": hub.address,
            "HF_HOME": str(folder / "cache"),
            "HF_TOKEN": "hf_secret",
            "HF_HUB_DISABLE_XET": "1",
            "DALIP_DATA_DIR": str(folder / "data"),
        }


@pytest.fixture
def dalip(hub: Hub, settings: dict[str, str]) -> Callable[..., Done]:
    hub.requests.clear()

    def call(*arguments: object, fresh: bool = False, **more: str) -> Done:
        return run(["dalip", *arguments], fresh=fresh, **(settings | more))

    return call


@pytest.fixture(scope="module")
def bioclip(hub: Hub, settings: dict[str, str]) -> Path:
    """The encoder `bioclip`, made from a download that was killed and resumed."""
    hub.stall_after = 11_000_000
    command = [BIN / "dalip", "encoder", "get", "bioclip"]
    child = subprocess.Popen(command, env=environment(**settings), stderr=subprocess.PIPE)
    cache = Path(settings["HF_HOME"])
    while child.poll() is None and not any(
        path.stat().st_size >= _WRITTEN_AT_ONCE for path in cache.rglob("*.dalip-part")
    ):
        time.sleep(0.05)
    child.send_signal(signal.SIGKILL)
    child.communicate()
    hub.stall_after = 0
    (part,) = cache.rglob("*.dalip-part")
    there = part.stat().st_size
    assert there == _WRITTEN_AT_ONCE
    hub.requests.clear()
    got = run(["dalip", "encoder", "get", "bioclip"], fresh=True, **settings)
    assert (got.status, got.lines[1]) == (0, "licence: mit"), got.err
    assert "arXiv:2311.18803" in got.lines[2]
    assert "lowest cosine similarity to the model, over 4 pictures and 5 texts: 1.00" in got.err
    weights = [line for line in hub.requests if line.startswith("GET") and "safetensors" in line]
    assert [line.split()[-1] for line in weights] == [f"bytes={there}-"]
    data = Path(settings["DALIP_DATA_DIR"])
    assert not list((data / "encoders").glob(".draft-*"))
    return data / "encoders" / "bioclip"


def test_it_is_kept_with_all_that_is_known_about_it(bioclip: Path) -> None:
    manifest = read_manifest(bioclip)
    assert (manifest.name, manifest.terms, manifest.trained_on) == ("bioclip", "mit", ("TreeOfLife-10M",))
    assert (manifest.details["source"], manifest.details["revision"]) == (
        "hf-hub:imageomics/bioclip",
        REVISION,
    )
    assert (manifest.prompts[0], len(manifest.prompts)) == (f"a photo of a {BIOCLIP}.", 80)
    assert (manifest.image.resize_mode, manifest.image.interpolation) == ("squash", "bilinear-float")


def test_a_flora_remembers_the_published_encoder_that_built_it(
    bioclip: Path, hub: Hub, dalip: Callable[..., Done], tmp_path: Path
) -> None:
    (tmp_path / "taxa.csv").write_text(TAXA)
    flora, photo = tmp_path / "flora", tmp_path / "photo.png"
    Image.radial_gradient("L").resize((90, 60)).save(photo)
    built = dalip("index", "build", "--encoder", "bioclip", "--taxa", tmp_path / "taxa.csv", flora)
    assert built.status == 0, built.err
    answer = dalip("identify", photo, "--flora", flora, "--json")
    assert answer.status == 0, answer.err
    texts = read_contents(flora).texts["Rosa canina"]
    ranks = "Plantae Tracheophyta Magnoliopsida Rosales Rosaceae Rosa canina"
    assert (texts[0], len(texts)) == (f"a photo of a {ranks} with common name Dog rose.", 80)
    listed = [json.loads(line) for line in dalip("encoder", "list", "--json").lines]
    assert {"builtin", "bioclip"} <= {row["name"] for row in listed if row["folder"]}
    assert {"bioclip-2", "bioclip-2.5", "biocap", "biotrove-b16", "openclip-b32"} < {
        r["name"] for r in listed
    }
    assert hub.requests == [], "nothing else uses the network"

    removed = dalip("encoder", "remove", "bioclip")
    assert (removed.status, bioclip.exists()) == (0, False)
    gone = dalip("identify", photo, "--flora", flora)
    assert (gone.status, gone.err.count("\n")) == (1, 1)
    assert f"{flora}: " in gone.err
    assert "dalip encoder get bioclip" in gone.err

    # Without a network, it is made again from the files that were downloaded, and the flora knows it by its weights.
    away = f"http://127.0.0.1:{free_port()}"
    again = dalip("encoder", "get", "bioclip", fresh=True, HF_ENDPOINT=away)
    assert (again.status, "files that were downloaded before" in again.err) == (0, True), again.err
    assert dalip("identify", photo, "--flora", flora, "--json").out == answer.out


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("get", "bioclip2"), "did you mean bioclip-2"),
        (("get", "hf-hub:imageomics/bioclip-9"), "has no such repository, or you have no access to it"),
        (("get", "hf-hub:not a name"), "write hf-hub:ORG/REPO"),
        (("get", "hf-hub:me/gated"), "accept its terms"),
        (("get", "hf-hub:me/empty"), "open_clip_config.json"),
        (("get", "ViT-B-32"), "laion2b_s34b_b79k"),
        (("remove", "bioclip-2"), "is not on this computer"),
        (("remove", "../data"), "cannot be the name of an encoder"),
    ],
)
def test_errors_say_what_to_do(
    hub: Hub, dalip: Callable[..., Done], arguments: tuple[str, ...], words: str
) -> None:
    for name in ("gated", "empty"):
        (hub.root / "me" / name).mkdir(parents=True, exist_ok=True)
    hub.gated.add("me/gated")
    done = dalip("encoder", *arguments)
    assert (done.status, done.out) == (1, "")
    assert words in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize("silent", [False, True], ids=["refused", "no answer"])
def test_without_a_network_the_error_names_local_dir(dalip: Callable[..., Done], silent: bool) -> None:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        if silent:
            one.listen()
        done = dalip("encoder", "get", "biocap", HF_ENDPOINT=f"http://127.0.0.1:{one.getsockname()[1]}")
    assert (done.status, done.err.count("\n")) == (1, 1)
    assert "local-dir:FOLDER" in done.err


def test_an_alias_that_is_not_here_is_suggested(dalip: Callable[..., Done], tmp_path: Path) -> None:
    (tmp_path / "taxa.txt").write_text("Rosa canina\n")
    build = ("index", "build", tmp_path / "flora", "--taxa", tmp_path / "taxa.txt", "--encoder")
    assert "`dalip encoder get bioclip-2`" in dalip(*build, "bioclip-2").err
    assert "did you mean biocap" in dalip(*build, "bio-cap").err
    assert "no such folder" in dalip(*build, tmp_path / "nowhere").err
    assert "`dalip encoder get bioclip`" in dalip("export", "bioclip", tmp_path / "out").err


def test_an_encoder_with_a_second_order_is_published_as_its_bundle(
    hub: Hub, dalip: Callable[..., Done], settings: dict[str, str], world: World, tmp_path: Path
) -> None:
    pushed = dalip("encoder", "push", world.bundle, "me/tiny", "--private")
    assert (pushed.status, pushed.out) == (0, f"{hub.address}/me/tiny\n"), pushed.err
    card = (hub.root / "me" / "tiny" / "README.md").read_text()
    assert "dalip encoder get hf-hub:me/tiny" in card
    assert 'license_name: "none"' in card
    (tmp_path / "no" / "torch").mkdir(parents=True)
    (tmp_path / "no" / "torch" / "__init__.py").write_text("raise ImportError('torch is not needed')")
    got = dalip("encoder", "get", "hf-hub:me/tiny", fresh=True, PYTHONPATH=str(tmp_path / "no"))
    assert got.status == 0, got.err
    folder = Path(settings["DALIP_DATA_DIR"]) / "encoders" / "hf-hub--me--tiny"
    assert read_manifest(folder).fingerprint == read_manifest(world.bundle).fingerprint
    built = dalip(
        "index", "build", tmp_path / "flora", "--photos", world.photos, "--encoder", "hf-hub:me/tiny"
    )
    assert built.status == 0, built.err


def test_a_first_order_model_is_published_for_open_clip(
    bioclip: Path, hub: Hub, dalip: Callable[..., Done], tmp_path: Path
) -> None:
    pushed = dalip("encoder", "push", "bioclip", "me/mine")
    assert pushed.status == 0, pushed.err
    assert "write ORG/REPO" in dalip("encoder", "push", "bioclip", "not a name").err
    repository = f"local-dir:{hub.root / 'me' / 'mine'}"
    clip, _, prepare = open_clip.create_model_and_transforms(repository)
    photo = Image.radial_gradient("L").convert("RGB").resize((64, 64))
    with torch.inference_mode():
        expected = F.normalize(clip.eval().encode_image(prepare(photo)[None]), dim=-1)
        described = F.normalize(clip.encode_text(open_clip.get_tokenizer(repository)(["a rose"])), dim=-1)
    encoder = Encoder.load(bioclip)
    np.testing.assert_allclose(encoder.encode_images([photo]), expected, atol=1e-4)
    np.testing.assert_allclose(encoder.encode_text(["a rose"]), described, atol=1e-4)
    back = dalip("encoder", "get", "hf-hub:me/mine")
    assert back.status == 0, back.err
    manifest, first = read_manifest(bioclip.with_name("hf-hub--me--mine")), read_manifest(bioclip)
    for kept in ("prompts", "citation", "trained_on", "terms", "model_sha256"):
        assert getattr(manifest, kept) == getattr(first, kept), kept
    templates = tmp_path / "prompts.txt"
    templates.write_text("# ours\n\nimg of {scientificName}[ ({vernacularName})]\n")
    assert dalip("encoder", "get", "hf-hub:me/mine", "--prompts", templates).status == 0
    manifest = read_manifest(bioclip.with_name("hf-hub--me--mine"))
    assert manifest.prompts == ("img of {scientificName}[ ({vernacularName})]",)
    assert dalip("encoder", "get", "hf-hub:me/mine", "--prompts", "dalip").out.startswith(
        "hf-hub:me/mine: already here"
    )
    assert read_manifest(bioclip.with_name("hf-hub--me--mine")).prompts == ()


def test_names_that_lead_out_of_the_folder_are_refused_and_nothing_is_deleted(
    dalip: Callable[..., Done], world: World, tmp_path: Path
) -> None:
    data, inside = tmp_path / "data", tmp_path / "encoder" / "a" / "b"
    shutil.copytree(world.bundle, tmp_path / "encoder")
    inside.mkdir(parents=True)
    (data / "encoders").mkdir(parents=True)
    (data / "journal.db").write_text("precious")
    for name in ("..", ".", "", "local-dir:/", "../x", "/etc"):
        done = dalip("encoder", "get", name, DALIP_DATA_DIR=str(data))
        assert (done.status, done.out) == (1, ""), name
    got = run(["dalip", "encoder", "get", "local-dir:../.."], cwd=inside, DALIP_DATA_DIR=str(data))
    assert (got.status, got.lines[0].split(":")[0]) == (0, "encoder")
    assert (data / "journal.db").read_text() == "precious"
    assert [path.name for path in (data / "encoders").iterdir() if path.is_dir()] == ["encoder"]
    # Another folder with the same name is another encoder.
    other = shutil.copytree(world.bundle, tmp_path / "other" / "encoder")
    again = dalip("encoder", "get", f"local-dir:{other}", DALIP_DATA_DIR=str(data))
    assert (again.status, "there is already an encoder with this name" in again.err) == (1, True)
    (data / "encoders" / "encoder" / "manifest.json").write_text("{")
    listed = dalip("encoder", "list", DALIP_DATA_DIR=str(data))
    assert (listed.status, "damaged" in listed.out) == (0, True)
    assert dalip("encoder", "remove", "encoder", DALIP_DATA_DIR=str(data)).status == 0


def test_a_hub_cannot_write_outside_of_its_cache(hub: Hub, dalip: Callable[..., Done]) -> None:
    shutil.copytree(hub.root / "imageomics" / "bioclip", hub.root / "me" / "evil")
    hub.etag = "../../../../../evil"
    done = dalip("encoder", "get", "hf-hub:me/evil")
    hub.etag = ""
    assert (done.status, "does not answer like a model hub" in done.err) == (1, True), done.err
