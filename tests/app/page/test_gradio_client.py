"""`gradio_client` as a client of the page, as other programs use it."""

import base64
import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError, AuthenticationError
from paths import ROOT
from tiny_bundle import COLOURS

from tests.app.conftest import Done, World, paint
from tests.app.serving import PATIENCE, Served, serving


@pytest.fixture(autouse=True)
def no_reports_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_ANALYTICS_ENABLED", "False")


@pytest.fixture(scope="module")
def served(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(world, tmp_path_factory.mktemp("client")) as served:
        yield served
        assert served.errors() == ""


def connect(address: str, **options: Any) -> Client:
    return Client(address, verbose=False, analytics_enabled=False, download_files=False, **options)


def on_the_command_line(dalip: Callable[..., Done], world: World, photo: Path) -> Any:
    done = dalip("identify", photo, "--json", *world.options)
    return json.loads(done.out) | {"image": photo.name}


def test_the_answer_matches_the_command_line(
    served: Served, world: World, dalip: Callable[..., Done], tmp_path: Path
) -> None:
    client = connect(served.address)
    for colour in ("red", "blue"):
        photo = paint(tmp_path / f"{colour} größe.png", colour)
        answer = client.predict(handle_file(str(photo)), api_name="/identify")
        assert answer == on_the_command_line(dalip, world, photo)
        assert answer["predictions"][0]["scientificName"] == f"Flos {colour}"
    assert not [p for p in served.uploads.rglob("*") if p.is_file() and p.stat().st_size]
    (text := tmp_path / "text.jpg").write_text("no photo")
    answer = client.predict(handle_file(str(text)), api_name="/identify")
    said = on_the_command_line(dalip, world, text)
    assert answer == said | {"error": said["error"].replace(str(text), text.name)}


def test_identify_is_the_only_public_endpoint(served: Served) -> None:
    info = served.client().get("/gradio_api/info").json()
    assert set(info["named_endpoints"]) == {"/identify"}
    assert info["unnamed_endpoints"] == {}
    client = connect(served.address)
    assert "/identify" in str(client.view_api(return_format="str"))


def test_the_documentation_example_works(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (ROOT / "docs" / "http.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(from gradio_client .*?)```", page, re.DOTALL)
    paint(tmp_path / "poppy.jpg", "red")
    monkeypatch.chdir(tmp_path)
    found: dict[str, Any] = {}
    exec(example.replace("http://127.0.0.1:7860", served.address), found)
    assert found["answer"]["predictions"][0]["scientificName"] == "Flos red"


def test_many_visitors_get_their_own_answers(served: Served, tmp_path: Path) -> None:
    photos = {colour: paint(tmp_path / f"{colour}.png", colour, 5) for colour in COLOURS}

    def ask(colour: str) -> list[str]:
        client = connect(served.address)
        found = [client.predict(handle_file(str(photos[colour])), api_name="/identify") for _ in range(3)]
        return [answer["image"] + answer["predictions"][0]["scientificName"] for answer in found]

    with ThreadPoolExecutor(len(COLOURS)) as pool:
        answers = list(pool.map(ask, COLOURS))
    assert answers == [[f"{colour}.pngFlos {colour}"] * 3 for colour in COLOURS]


def test_files_that_were_not_uploaded_are_rejected(served: Served, world: World) -> None:
    client = connect(served.address)
    for wrong in (None, "photo", 3, [], {"a": 1}):
        with pytest.raises(AppError, match="the photo is no longer available"):
            client.predict(wrong, api_name="/identify")
    for path in (str(world.taxa), "https://plants.example/a.png"):
        file = {"path": path, "meta": {"_type": "gradio.FileData"}}
        response = httpx.post(
            f"{served.address}/gradio_api/call/identify", json={"data": [file]}, timeout=PATIENCE
        )
        assert (response.status_code, response.json()["statusCode"]) == (400, 400)


def test_with_a_login_or_a_key(world: World, tmp_path: Path) -> None:
    photo = paint(tmp_path / "red.png", "red")
    basic = base64.b64encode(b"ann:secret").decode()
    with serving(world, tmp_path, "--auth", "ann:secret", "--api-key", "key") as served:
        for options in (
            {"httpx_kwargs": {"auth": ("ann", "secret")}},
            {"headers": {"Authorization": f"Basic {basic}"}},
            {"headers": {"Authorization": "Bearer key"}},
        ):
            answer = connect(served.address, **options).predict(handle_file(str(photo)), api_name="/identify")
            assert answer["predictions"][0]["scientificName"] == "Flos red"
        with pytest.raises((AuthenticationError, ValueError)):
            connect(served.address)
    assert served.errors() == ""
