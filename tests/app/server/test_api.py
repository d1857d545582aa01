"""The HTTP API of a running server, called as clients of Pl@ntNet's API call it."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from hostile_images import write_hostile_images
from paths import ROOT
from tiny_bundle import COLOURS
from wording import refuses

from dalip.errors import DalipError
from dalip_app.server.keys import Keys
from tests.app.conftest import World, paint, run
from tests.app.serving import Served, serving

NAME = {"scientificNameWithoutAuthor", "scientificNameAuthorship", "scientificName"}
"""Name fields, as in Pl@ntNet's documentation (https://my.plantnet.org/doc/api/identify)."""


@pytest.fixture(scope="module")
def served(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(world, tmp_path_factory.mktemp("api")) as served:
        yield served
        assert served.errors() == ""


@pytest.fixture
def client(served: Served) -> Iterator[httpx.Client]:
    with served.client() as client:
        yield client


def ask(client: httpx.Client, *photos: Path, organs: list[str] | None = None, **query: Any) -> httpx.Response:
    files = [("images", (photo.name, photo.read_bytes())) for photo in photos]
    fields = {name.replace("_", "-"): value for name, value in query.items()}
    return client.post(
        "/v2/identify/all", params=fields, files=files, data={"organs": organs} if organs else {}
    )


def test_an_answer_has_every_field_that_clients_know(client: httpx.Client, tmp_path: Path) -> None:
    photos = [paint(tmp_path / f"{i}.png", "blue", i) for i in range(2)]
    response = ask(client, *photos, organs=["flower", "leaf"], lang="de", nb_results=3)
    assert response.status_code == 200
    answer = response.json()
    assert answer["query"] == {
        "project": "all",
        "images": ["0.png", "1.png"],
        "organs": ["flower", "leaf"],
        "includeRelatedImages": False,
        "noReject": False,
    }
    assert (answer["language"], answer["bestMatch"]) == ("de", "Flos blue")
    assert (answer["predictedOrgans"], answer["preferedReferential"]) == ([], "flora")
    assert answer["version"].startswith("dalip ")
    assert answer["remainingIdentificationRequests"] > 0
    assert len(answer["results"]) == 3
    best = answer["results"][0]
    assert 0.5 < best["score"] <= 1
    assert "gbif" not in best  # typed clients fail at null
    species = best["species"]
    assert species.keys() == NAME | {"genus", "family", "commonNames", "taxonRank"}
    assert species["scientificNameWithoutAuthor"] == species["scientificName"] == "Flos blue"
    assert species["genus"].keys() == species["family"].keys() == NAME
    assert (species["genus"]["scientificName"], species["family"]["scientificName"]) == ("Flos", "Coloraceae")
    assert species["commonNames"] == ["blue Blume"]
    assert answer["verdict"] == "sure"
    named = ask(client, photos[0]).json()
    assert named["results"][0]["species"]["commonNames"] == ["blue flower"]
    assert named["query"]["organs"] == ["auto"]


def test_a_request_can_choose_the_flora(client: httpx.Client, tmp_path: Path) -> None:
    files = {"images": paint(tmp_path / "red.png", "red").read_bytes()}
    assert client.post("/v2/identify/flora", files=files).json()["bestMatch"] == "Flos red"
    response = client.post("/v2/identify/mars", files=files)
    assert response.status_code == 404
    assert response.json() == {
        "statusCode": 404,
        "error": "Not Found",
        "message": "there is no flora mars here; use all or flora",
    }


def test_other_routes_and_parameters_of_clients(client: httpx.Client, tmp_path: Path) -> None:
    assert client.get("/v2/_status").json() == {"status": "ok"}
    assert client.get("/v2/languages").json() == ["de", "en"]
    (project,) = client.get("/v2/projects", params={"lang": "fr", "lat": 1, "lon": 2}).json()
    assert (project["id"], project["speciesCount"]) == ("flora", len(COLOURS))
    assert project.keys() == {"id", "title", "description", "speciesCount"}
    quota = client.get("/v2/quota/daily").json()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", quota["day"])
    assert quota["quota"]["identify"]["remaining"] > 0
    red = paint(tmp_path / "red.png", "red")
    known = {"include_related_images": "true", "type": "kt", "detailed": "true", "no_reject": "false"}
    answer = ask(client, red, **known, authenix_access_token="x", lang="xx").json()
    assert answer["bestMatch"] == "Flos red"
    assert answer["language"] == "en"
    assert answer["results"][0]["species"]["commonNames"]
    assert len(ask(client, red, nb_results=99).json()["results"]) == len(COLOURS)
    for method, path, status, words in (
        ("GET", "/v2/identify/all?images=https://plants.example/a.jpg&organs=leaf", 405, "with POST"),
        ("GET", "/v2/diseases", 404, "no such route: /v2/diseases"),
        ("GET", "/v2/species?page=0", 400, "page: "),
        ("GET", "/v2/projects/mars/species", 404, "there is no flora mars"),
        ("GET", "/health/more", 404, "no such route"),
        ("DELETE", "/v2/", 404, "no such route"),
        ("POST", "/v2/identify", 404, "no such route: /v2/identify"),
        ("PUT", "/v2/identify/all", 404, "no such route"),
    ):
        response = client.request(method, path)
        content = response.json()
        assert (response.status_code, content["statusCode"]) == (status, status)
        assert words in content["message"]


def test_bad_requests_get_a_4xx_with_a_reason(client: httpx.Client, tmp_path: Path) -> None:
    red = paint(tmp_path / "red.png", "red")
    (tmp_path / "text.jpg").write_text("no photo")
    for response, status, words in (
        (ask(client, *[red] * 6), 400, "6 images; send 1 to 5"),
        (ask(client, red, organs=["leaf", "leaf"]), 400, "2 organs for 1 images"),
        (ask(client, red, organs=["root"]), 400, "organs.0: "),
        (ask(client, red, nb_results=0), 400, "nb-results: "),
        (ask(client), 400, "images: Field required"),
        (
            ask(client, red, tmp_path / "text.jpg"),
            415,
            "image 2: the file is not an image in a supported format; use JPEG",
        ),
    ):
        content = response.json()
        assert (response.status_code, content["statusCode"]) == (status, status)
        assert words in content["message"]


def test_hostile_files_are_rejected_and_the_server_keeps_running(
    client: httpx.Client, tmp_path: Path
) -> None:
    for name, path in write_hostile_images(tmp_path / "hostile").items():
        if path.is_file():
            assert ask(client, path).status_code in (200, 404, 415), name
    response = client.post(
        "/v2/identify/all", content=b"x" * 100, headers={"content-type": "multipart/form-data"}
    )
    assert response.status_code == 400
    head = b'--x\r\nContent-Disposition: form-data; name="images"; filename="a"\r\n\r\n'
    chunks = (part for part in [head, *[bytes(1_000_000)] * 60])
    kind = {"content-type": "multipart/form-data; boundary=x"}
    for response in (
        client.post("/v2/identify/all", content=bytes(60_000_000), headers=kind),
        client.post("/v2/identify/all", content=chunks, headers=kind),
    ):
        assert (response.status_code, response.json()["error"]) == (413, "Payload Too Large")
    assert ask(client, paint(tmp_path / "red.png", "red")).json()["bestMatch"] == "Flos red"


def test_concurrent_requests_get_their_own_answers(client: httpx.Client, tmp_path: Path) -> None:
    photos = {colour: paint(tmp_path / f"{colour}.png", colour, 3) for colour in COLOURS}
    asked = [colour for colour in COLOURS for _ in range(3)]
    with ThreadPoolExecutor(10) as pool:
        found = list(pool.map(lambda colour: ask(client, photos[colour]).json()["bestMatch"], asked))
    alone = {colour: ask(client, photo).json()["bestMatch"] for colour, photo in photos.items()}
    assert found == [alone[colour] for colour in asked]


def test_a_busy_server_tells_clients_to_try_again_later(client: httpx.Client, tmp_path: Path) -> None:
    photo = paint(tmp_path / "large.png", "red", side=1500)
    with ThreadPoolExecutor(90) as pool:
        responses = list(pool.map(lambda _: ask(client, photo), range(90)))
    assert {response.status_code for response in responses} == {200, 429}
    late = next(response for response in responses if response.status_code == 429)
    assert int(late.headers["retry-after"]) > 0
    assert ask(client, photo).status_code == 200


def test_the_documentation_is_complete_and_loads_nothing_from_other_hosts(client: httpx.Client) -> None:
    health = client.get("/health").json()
    assert (health["status"], health["taxa"], health["encoder"]) == ("ok", 10, "tiny-0")
    paths = client.get("/openapi.json").json()["paths"]
    assert set(paths) == {
        "/health",
        "/v2/_status",
        "/v2/identify/{project}",
        "/v2/languages",
        "/v2/projects",
        "/v2/projects/{project}/species",
        "/v2/quota/daily",
        "/v2/species",
    }
    assert {"200", "400", "404", "413", "415", "429"} <= paths["/v2/identify/{project}"]["post"][
        "responses"
    ].keys()
    page = client.get("/docs").text
    loaded = re.findall(r"""(?:src|href)=["']([^"']+)""", page)
    assert len(loaded) >= 3
    for path in loaded:
        assert path.startswith("/")
        assert client.get(path).status_code == 200


def test_nothing_answers_without_a_key(world: World, tmp_path: Path) -> None:
    photo = paint(tmp_path / "red.png", "red")
    with (
        serving(
            world, tmp_path, "--auth", "ann:sécret:x", "--api-key", "k/1", "--proxy", "127.0.0.1"
        ) as served,
        served.client() as client,
    ):
        for path in ("/", "/health", "/docs", "/openapi.json", "/gradio_api/info", "/config", "/assets/x.js"):
            response = client.get(path)
            assert (response.status_code, response.json()["statusCode"]) == (401, 401), path
            assert response.headers["www-authenticate"].startswith("Basic ")
        assert ask(client, photo).status_code == 401
        for wrong in ("api-key=k", "api-key=", "api-key=wrong&api-key=k/1"):
            assert client.get(f"/health?{wrong}").status_code == 401
        for number, header in enumerate(("Bearer k", "Bearer", "Basic", "Basic !", "Basic YW5uOg==", "k/1")):
            sent = {"authorization": header, "x-forwarded-for": f"192.0.2.{number}"}
            assert client.get("/health", headers=sent).status_code == 401, header
        login = httpx.BasicAuth("ann", "sécret:x")
        assert client.get("/", auth=login).status_code == 200
        assert client.get("/health", params={"api-key": "k/1"}).status_code == 200
        assert client.get("/health", headers={"authorization": "Bearer k/1"}).status_code == 200
        query = {"api-key": "k/1"}
        answer = client.post("/v2/identify/all", params=query, files={"images": photo.read_bytes()})
        assert answer.json()["bestMatch"] == "Flos red"


def test_a_login_needs_a_name_and_a_password(world: World) -> None:
    for login in ("ann", ":x", "ann:"):
        with refuses(DalipError, match="NAME:PASSWORD"):
            Keys(login)
    done = run(["dalip-app", "serve", *world.options, "--port", 0, "--auth", "ann"])
    assert (done.status, done.out) == (1, "")
    assert "NAME:PASSWORD" in done.err


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl on this machine")
def test_the_documentation_examples_work(served: Served, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "http.md").read_text(encoding="utf-8")
    examples = [line for line in page.splitlines() if line.startswith("curl ")]
    assert len(examples) == 3
    for name, colour in (("poppy", "red"), ("leaf", "green"), ("flower", "green")):
        paint(tmp_path / f"{name}.jpg", colour)
    found = []
    for line in examples:
        command = line.replace("curl ", "curl --silent --fail ").replace(
            "http://127.0.0.1:7860", served.address
        )
        done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True, check=True)
        found.append(json.loads(done.stdout))
    assert [answer.get("bestMatch") for answer in found] == ["Flos red", "Flos green", None]
    assert len(found[1]["results"]) == 3
