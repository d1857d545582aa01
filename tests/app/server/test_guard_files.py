"""No file on this computer can be read through a running server, whatever the request."""

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from dalip_app.server.guard import _is_closed, _refusal, _without_language
from tests.app.conftest import World, paint
from tests.app.serving import PATIENCE, Served, serving

SECRET = "a private file"


@pytest.fixture(scope="module")
def served(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("fence")
    with serving(world, folder, fresh=True) as served:
        yield served
        assert served.errors() == ""


@pytest.fixture(scope="module")
def client(served: Served) -> Iterator[httpx.Client]:
    with served.client() as client:
        yield client


@pytest.fixture(scope="module")
def secret(served: Served) -> Path:
    """A file in the user's data directory."""
    path = served.temporary.parent / "data" / "secret.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(SECRET))
    return path


def ask(address: str, target: str) -> tuple[int, bytes]:
    """Request a path unchanged; HTTP clients would normalise it."""
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=PATIENCE)
    connection.putrequest("GET", target)
    connection.endheaders()
    response = connection.getresponse()
    return response.status, response.read()


PATHS = [
    *(
        f"{route}{form}"
        for route in ("/gradio_api/file=", "/gradio_api/file/", "/file=", "/file/")
        for form in "ABCD"
    ),
    *(
        f"{route}{form}"
        for route in ("/assets/", "/static/", "/svelte/", "/static-offline-docs/")
        for form in "ABCD"
    ),
    *(
        f"/de{form}"
        for form in ("/gradio_api/file=A", "/gradio_api/file/A", "//gradio_api/file=A", "/file=A", "/A")
    ),
    "/de/de/gradio_api/file=A",
    "/DE/gradio_api/file=A",
    "/%64e/gradio_api/file=A",
    "/de/gradio_api/file=U/health",
    "/de/../gradio_api/file=A",
    "/A",
    "/BB",
    "/gradio_api/../A",
    "/gradio_api/%2e%2e/A",
    "//gradio_api/file=A",
    "/gradio_api//file=A",
    "/gradio_api/%66ile=A",
    "/gradio_api/file=file://A",
    "/gradio_api/file=U/health",
    "/gradio_api/proxy=U/health",
    "/gradio_api/custom_component/x/client/component/A",
    "/gradio_api/stream/x/1/1/playlist-file",
    "/gradio_api/deep_link?session_hash=x",
    "/gradio_api/runs",
    "/gradio_api/dev/reload",
    "/gradio_api/run-history/buckets",
    "/gradio_api/call/identify/A",
    "/gradio_api/call/v2/identify/A",
    "/monitoring/summary",
    "/v2/identify/A",
    "/journal.zip/A",
    "/docs/A",
]
"""A: path of the file; B: the same through parent folders; C: B escaped; D: A escaped; U: the server itself."""


@pytest.mark.parametrize("path", [*PATHS, *(f"/fr{path}" for path in PATHS)])
def test_no_path_leads_to_a_file(served: Served, secret: Path, path: str) -> None:
    up = "/".join([".."] * 30)
    forms = {
        "A": str(secret),
        "B": f"{up}{secret}",
        "C": quote(f"{up}{secret}", safe="").replace(".", "%2e"),
        "D": quote(str(secret), safe=""),
        "U": served.address,
    }
    head, letter = path[:-1], path[-1]
    target = head + forms[letter] if letter in "ABCD" else path.replace("U", forms["U"])
    status, body = ask(served.address, target)
    assert 400 <= status < 500, (target, status)
    assert SECRET.encode() not in body
    assert b"taxa" not in body


@pytest.mark.parametrize("route", ["/", "/config"])
@pytest.mark.parametrize("link", ["A", "../A", "..%2f..%2fA", "0" * 16])
def test_deep_links_load_nothing(served: Served, secret: Path, route: str, link: str) -> None:
    status, body = ask(served.address, f"{route}?deep_link={link.replace('A', str(secret.parent))}")
    assert status == 200
    assert SECRET.encode() not in body


def test_an_upload_of_another_visitor_is_not_served(served: Served, client: httpx.Client) -> None:
    (path,) = client.post("/gradio_api/upload", files={"files": ("a.txt", SECRET)}).json()
    for target in (f"/gradio_api/file={path}", f"/gradio_api/file/{path}", f"/file={path}", path):
        status, body = ask(served.address, target)
        assert 400 <= status < 500
        assert SECRET.encode() not in body


def wrong_files(path: str) -> list[Any]:
    data = {"path": path, "meta": {"_type": "gradio.FileData"}, "orig_name": "a.png", "url": path}
    return [data, {"path": path}, data | {"is_stream": True}, {"image": {"deep": [[data]]}}]


@pytest.mark.parametrize("page", ["", "/fr"])
def test_no_page_event_accepts_a_file_on_this_computer(
    served: Served, client: httpx.Client, secret: Path, page: str
) -> None:
    inside = f"{served.uploads}/../../../data/secret.json"
    link = served.uploads / "link.json"
    link.symlink_to(secret)
    addresses = ["http://127.0.0.1:1/a.png", "https://plants.example/a.png", "file:///etc/passwd"]
    config = client.get(f"{page}/config").json()
    kinds = {component["id"]: component["type"] for component in config["components"]}
    events = [event for event in config["dependencies"] if event["inputs"]]
    takers = [e for e in events if {kinds[i] for i in e["inputs"]} & {"file", "uploadbutton", "api", "html"}]
    assert len(takers) >= 4
    for event in takers:
        for path in (str(secret), inside, str(link), *addresses, "\0", "/" * 5000, "/etc/passwd"):
            for file in wrong_files(path):
                for value in (file, [file]):
                    fields = {
                        "data": [value] * len(event["inputs"]),
                        "session_hash": "s",
                        "fn_index": event["id"],
                    }
                    for route in ("queue/join", f"call/{event['api_name']}"):
                        response = client.post(f"{page}/gradio_api/{route}", json=fields)
                        assert response.status_code == 400, (event["id"], path, route)
                        assert "was not uploaded here" in response.json()["message"]
    link.unlink()
    assert not list(served.uploads.rglob("secret.json"))


UNGUARDED = """
from dalip_app.server import guard
guard.guard = lambda application, *others, **options: application
"""


def test_gradio_checks_files_as_well(world: World, tmp_path: Path) -> None:
    (secret := tmp_path / "secret.json").write_text(json.dumps(SECRET))
    with (
        serving(world, tmp_path, first=UNGUARDED) as served,
        served.client() as client,
    ):
        config = client.get("/config").json()
        kinds = {component["id"]: component["type"] for component in config["components"]}
        for event in config["dependencies"]:
            if {kinds[i] for i in event["inputs"]} & {"file", "uploadbutton", "api"}:
                file = {"path": str(secret), "meta": {"_type": "gradio.FileData"}}
                fields = {"data": [file] * len(event["inputs"]), "session_hash": "s", "fn_index": event["id"]}
                assert client.post("/gradio_api/queue/join", json=fields).status_code == 200
                answer = client.get("/gradio_api/queue/data", params={"session_hash": "s"}).text
                assert '"success":false' in answer.replace(" ", "")
        assert not list(served.uploads.rglob("secret.json"))
        status, body = ask(served.address, f"/gradio_api/file={secret}")
        assert (status, SECRET.encode() in body) == (403, False)


@pytest.mark.parametrize(
    "route", ["run/identify", "api/identify", "component_server", "process_recording", "stream/x"]
)
def test_unused_gradio_routes_are_closed(client: httpx.Client, route: str) -> None:
    for page in ("", "/fr"):
        fields = {"data": [], "session_hash": "s", "fn_index": 0}
        response = client.post(f"{page}/gradio_api/{route}", json=fields)
        assert (response.status_code, response.json()["statusCode"]) == (404, 404)


@pytest.mark.parametrize(
    "name",
    [
        "../../x.png",
        "/etc/x.png",
        "..\\x.png",
        "a" * 5000 + ".png",
        "\U0001f33c.png",
        "x.png/..",
        "%2e%2e/x",
        "",
    ],
)
def test_upload_names_cannot_escape_the_folder(served: Served, client: httpx.Client, name: str) -> None:
    photo = paint(served.temporary.parent / "photo.png", "red").read_bytes()
    response = client.post("/gradio_api/upload", files={"files": (name or "x", photo)})
    if response.status_code == 400:  # the form itself is rejected
        assert response.json()["message"]
        return
    (path,) = map(Path, response.json())
    assert path.parent.parent == served.uploads
    assert path.name in ("upload", "upload.png")
    assert path.read_bytes() == photo


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"sec-fetch-site": "same-origin"}, 200),
        ({"sec-fetch-site": "none"}, 200),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"origin": "http://plants.example"}, 403),
        ({"origin": "null"}, 403),
    ],
)
def test_another_site_cannot_send_through_a_visitors_browser(
    client: httpx.Client, tmp_path: Path, headers: dict[str, str], status: int
) -> None:
    files = {"images": paint(tmp_path / "red.png", "red").read_bytes()}
    assert client.post("/v2/identify/all", files=files, headers=headers).status_code == status
    mine = {"origin": str(client.base_url).rstrip("/")}
    assert client.post("/v2/identify/all", files=files, headers=mine).status_code == 200


def test_closed_paths() -> None:
    for path in (
        "file=/etc/passwd",
        "file",
        "proxy=x",
        "run/x",
        "api/x",
        "",
        "login_check",
        "Upload",
        "%75pload",
    ):
        assert _is_closed(f"/gradio_api/{path}"), path
    for path in ("/", "/config", "/v2/identify/all", "/gradio_api/upload", "/gradio_api/queue/join"):
        assert not _is_closed(path)
    for path, plain in (("/fr/a/b", "/a/b"), ("/fr", "/fr"), ("/frs/a", "/frs/a"), ("/a/fr/b", "/a/fr/b")):
        assert _without_language(path) == plain


def test_rejected_page_events(tmp_path: Path) -> None:
    good = {"data": [{"path": str(tmp_path / "a" / "b.png")}, {"notes": "path"}, "path", None]}
    assert _refusal(json.dumps(good).encode(), tmp_path) == ""
    for body in (b"", b"{", b"\xff", b"[]", b"1", b'"path"', b"[" * 100_000, b'{"a":' * 100_000):
        assert "JSON" in _refusal(body, tmp_path)
    for body in (b'{"a": 1e999}', b'{"a": -1e999}', b'{"a": NaN}', b'{"a": Infinity}'):
        assert "JSON" in _refusal(body, tmp_path)
    for path in (3, None, ["a"], {}, "", str(tmp_path.parent), "../x"):
        assert "was not uploaded" in _refusal(json.dumps({"a": [{"path": path}]}).encode(), tmp_path)
