"""`dalip-app space`: runs the folder as Hugging Face does, where nothing from this checkout can be imported."""

import json
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import gradio
import pytest
from huggingface_hub import SpaceCard
from packaging.requirements import Requirement

from dalip_app.space import templates as space_texts
from dalip_assets import ENCODER, FLORA
from dalip_index import flora_info
from tests.app.browsing import browsing, choose, needs_browser
from tests.app.conftest import World, paint, run
from tests.app.server.test_serve import get
from tests.app.serving import PATIENCE

TAXA = flora_info(FLORA).manifest.counts.taxa
SITE = Path(gradio.__file__).parents[1]
LEFT_OUT = re.compile(
    r"(_editable_impl_|__editable__)?dalip|.*\.pth$|torch|transformers|timm|open_clip|accelerate"
)
# Mimics the Hugging Face package on ZeroGPU, which reports its functions when Gradio launches an app.
STUB = """
import socket, gradio, gradio.http_server
gradio.http_server.watchfn_spaces = lambda reloader: None  # reloading belongs to that package, too
gradio_auto_wrap = lambda function: function
asked, launch = [], gradio.Blocks.launch
def GPU(function):
    asked.append(function)
    return function
def report(*given, **named):
    assert asked
    print("started on ZeroGPU", flush=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        named["server_port"] = free.getsockname()[1]
    return launch(*given, **named)
gradio.Blocks.launch = report
"""


@dataclass(frozen=True)
class Running:
    """A running Space."""

    address: str
    first: str
    """The first line that it printed."""


def write(out: Path, *options: object) -> list[str]:
    done = run(["dalip-app", "space", *options, out])
    assert (done.status, done.err) == (0, "")
    return done.lines


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("spaces") / "my space"
    lines = write(out)
    assert "python '" in lines[0], "a name with a space can be copied from there"
    assert any(line.strip().startswith("hf upload dalip '") for line in lines)
    return out


@pytest.fixture(scope="module")
def running(space: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("machine")
    venv.create(folder / "env", symlinks=True)
    (packages,) = (folder / "env").glob("lib/python*/site-packages")
    for path in SITE.iterdir():  # all packages of requirements.txt and more, but not DALIP or torch
        if not LEFT_OUT.match(path.name):
            (packages / path.name).symlink_to(path)
    (packages / "spaces.py").write_text(STUB)
    temporary = folder / "tmp"
    temporary.mkdir()
    settings = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        "TMPDIR": str(temporary),
        "SYSTEM": "spaces",
        "SPACE_ID": "somebody/dalip",
        "SPACES_ZERO_GPU": "true",
        "GRADIO_SERVER_PORT": "0",
        "GRADIO_SSR_MODE": "true",
    }
    log = folder / "stderr.txt"
    python = folder / "env" / "bin" / "python"
    with log.open("w") as errors:
        process = subprocess.Popen(
            [python, space / "app.py"],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=settings,
            cwd="/",
        )
    try:
        assert process.stdout is not None
        lines = []
        while not lines or not lines[-1].startswith("Open DALIP at "):
            lines.append(process.stdout.readline())
            assert lines[-1], log.read_text()
        yield Running(lines[-1].split()[3].rstrip(","), lines[0].strip())
    finally:
        process.terminate()
        process.wait(PATIENCE)
        assert process.stdout is not None
        process.stdout.close()
    assert log.read_text() == ""
    assert not list(temporary.glob("dalip-*")), "nothing is left of the visits"


@pytest.fixture(scope="module")
def flower() -> Path:
    """A photo of a dahlia from the sample images of scikit-learn."""
    found = find_spec("sklearn")
    if found is None or found.origin is None:
        pytest.skip("scikit-learn is not installed")
    return Path(found.origin).parent / "datasets" / "images" / "flower.jpg"


needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="Spaces run on Linux")


@needs_posix
def test_it_starts_with_only_its_requirements_and_describes_itself(running: Running) -> None:
    assert running.first == "started on ZeroGPU"
    status, headers, body = get(running.address, "/health", Host="somebody-dalip.hf.space")
    assert status == 200
    health = json.loads(body)
    assert (health["version"], health["taxa"]) == (version("dalip"), TAXA)
    assert headers["content-security-policy"].endswith("frame-ancestors 'self' https://huggingface.co")


@needs_posix
def test_its_api_identifies_a_photo(running: Running, flower: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _POST, running.address, flower], capture_output=True, text=True, check=True
    )
    answer = json.loads(done.stdout)
    assert (answer["bestMatch"], answer["verdict"]) == ("Dahlia", "sure")


_POST = """
import sys, httpx
files = {"images": open(sys.argv[2], "rb")}
print(httpx.post(sys.argv[1] + "/v2/identify/all", files=files, timeout=300).text)
"""


@needs_posix
@needs_browser
def test_visitors_use_it_inside_hugging_face_with_separate_journals(running: Running, flower: Path) -> None:
    # Chromium blocks web pages from embedding a local server, but a real Space is on the web as well.
    with browsing("--disable-features=LocalNetworkAccessChecks") as browser:

        def page_of(site: str) -> Any:
            page = browser.new_context().new_page()
            body = f'<iframe src="{running.address}" width="100%" height="800" id="space"></iframe>'
            page.route(f"{site}/**", lambda route: route.fulfill(body=body, content_type="text/html"))
            return page

        def visit() -> Any:
            page = page_of("https://huggingface.co")
            page.goto("https://huggingface.co/spaces/somebody/dalip")
            return page.frame_locator("#space")

        mine, theirs = visit(), visit()
        choose(mine, flower)
        mine.get_by_role("button", name="This is correct").click()
        mine.locator("#keep-said").get_by_text("Saved and confirmed.").wait_for()
        for page, words in ((mine, "1 observation."), (theirs, "Your journal is empty")):
            page.get_by_role("tab", name="Journal").click()
            page.locator("#journal-number").get_by_text(words).wait_for()
        assert mine.get_by_role("tab").all_inner_texts() == ["Identify", "Flora", "Journal", "About"]
        elsewhere = page_of("https://elsewhere.example")
        with elsewhere.expect_console_message(lambda message: "frame-ancestors" in message.text):
            elsewhere.goto("https://elsewhere.example/")


def test_its_card_has_the_fields_that_hugging_face_reads(space: Path) -> None:
    card = SpaceCard((space / "README.md").read_text(encoding="utf-8"))
    data = card.data.to_dict()
    assert (data["title"], data["sdk"], data["app_file"]) == ("DALIP", "gradio", "app.py")
    assert (data["sdk_version"], data["python_version"]) == (version("gradio"), "3.12")
    assert (data["license"], data["license_name"]) == ("other", "dalip-weights")
    assert (space / data["license_link"]).is_file()
    assert len(data["short_description"]) <= 60
    assert "Never eat a plant" in card.text
    assert "research and non-commercial use" in card.text


def test_its_requirements_are_those_for_serving_on_a_cpu(space: Path) -> None:
    lines = [Requirement(line) for line in (space / "requirements.txt").read_text().splitlines()]
    names = {line.name for line in lines}
    assert {"gradio", "onnxruntime", "faiss-cpu"} <= names
    assert not names & {"torch", "onnxruntime-gpu", "editables", "dalip"}
    for line in lines:
        assert line.name == "onnxruntime" or version(line.name) in line.specifier


def test_binary_files_are_stored_as_hugging_face_expects(space: Path) -> None:
    kept = {line.split()[0].removeprefix("*") for line in space_texts.ATTRIBUTES.splitlines()}
    for path in space.rglob("*"):
        if path.is_file() and path.suffix not in kept:
            path.read_text(encoding="utf-8")
            assert path.stat().st_size < 10_000_000, path
    assert not [
        path for path in space.rglob("*") if path.name in ("__pycache__", "direct_url.json", "RECORD")
    ]


def test_your_own_flora_is_copied_without_its_history_and_the_built_in_weights(
    world: World, tmp_path: Path
) -> None:
    flora = shutil.copytree(world.flora, tmp_path / "flora")
    done = run(
        [
            "dalip",
            "index",
            "add",
            "--flora",
            flora,
            *world.encoder,
            "--taxon",
            "Flos novus",
            paint(tmp_path / "a.png", "pink"),
        ]
    )
    assert done.status == 0, done.err
    out = tmp_path / "space"
    write(out, "--flora", flora, *world.encoder, "--title", 'Our "garden": {plants}')
    assert [path.name for path in sorted((out / "flora").iterdir())] == ["CURRENT", "v000002"]
    assert not list(out.glob("dalip_assets/*/"))
    card = SpaceCard((out / "README.md").read_text(encoding="utf-8"))
    assert card.data.to_dict()["title"] == 'Our "garden": {plants}'
    assert "license" not in card.data.to_dict()
    assert "11 plants" in card.text


def test_a_flora_of_another_encoder_is_refused(world: World, tmp_path: Path) -> None:
    done = run(["dalip-app", "space", "--flora", world.flora, "--encoder", ENCODER, tmp_path / "space"])
    assert (done.status, done.out) == (1, "")
    assert len(done.err.splitlines()) == 1
    assert str(world.flora) in done.err
    assert not list(tmp_path.iterdir())


def test_an_update_keeps_files_from_others(world: World, tmp_path: Path) -> None:
    out = tmp_path / "space"
    out.mkdir()
    write(out, "--flora", world.flora, *world.encoder)
    for name in (".git/config", "photo.txt", "dalip_app/gone.py", "dalip-0.0.9.dist-info/METADATA"):
        (out / name).parent.mkdir(exist_ok=True)
        (out / name).write_text("mine")
    write(out, "--flora", FLORA, "--encoder", ENCODER)
    assert (out / ".git" / "config").read_text() == (out / "photo.txt").read_text() == "mine"
    assert not (out / "dalip_app" / "gone.py").exists()
    assert len(list(out.glob("*.dist-info"))) == 1
    assert f"the {TAXA:,} plants" in (out / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in tmp_path.iterdir()] == ["space"]


def test_an_unrelated_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("print('mine')")
    for out in (tmp_path, tmp_path / "app.py"):
        done = run(["dalip-app", "space", out])
        assert (done.status, done.out) == (1, "")
        (line,) = done.err.splitlines()
        assert "choose a" in line
    assert [path.name for path in tmp_path.iterdir()] == ["app.py"]
