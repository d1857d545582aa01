"""`dalip serve`, without a browser."""

import http.client
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from wording import refuses

from dalip.errors import DalipError, ImageError
from dalip_app.page.photo_picker import read_uploads
from dalip_app.server.addresses import addresses, bind, is_loopback, lan_address
from tests.app.conftest import World, environment, paint, run
from tests.app.serving import PATIENCE, serving


def get(address: str, path: str = "/", **headers: str) -> tuple[int, dict[str, str], str]:
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=PATIENCE)
    connection.request("GET", path, headers=headers)
    response = connection.getresponse()
    return response.status, dict(response.getheaders()), response.read().decode(errors="replace")


@pytest.fixture(scope="module")
def address(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(world, tmp_path_factory.mktemp("serve"), fresh=True) as served:
        yield served.address


def test_the_page_loads_and_refers_to_no_other_host(address: str) -> None:
    status, headers, body = get(address)
    assert status == 200
    assert "DALIP" in body
    for tag in re.findall(r"<(?:script|link|img|iframe|source)\b[^>]*>", body):
        assert not re.search(r"(?:https?:)?//", tag.replace(address, "")), tag
    assert not re.search(r"url\(['\"]?(?:https?:)?//|@import", body)
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert not re.search(r"https?:", policy)


def test_requests_for_another_host_are_refused(address: str) -> None:
    assert get(address, Host="plants.example:80")[0] == 400
    port = address.rpartition(":")[2]
    assert get(address, Host=f"localhost:{port}")[0] == 200


@pytest.mark.parametrize("program", ["dalip", "dalip-app"])
def test_a_port_in_use_is_a_one_line_error(world: World, program: str) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = run([program, "serve", *world.options, "--port", port])
    assert (done.status, done.out) == (1, "")
    (line,) = done.err.splitlines()
    assert line.startswith(f"dalip: 127.0.0.1:{port}: the server cannot listen on this address (")
    assert "--port" in line


def test_both_commands_take_the_same_options() -> None:
    long, short = (run([program, "serve", "--help"]) for program in ("dalip-app", "dalip"))
    assert long.status == short.status == 0
    assert long.out.replace("dalip-app serve [OPTIONS]", "dalip serve [OPTIONS]") == short.out


def test_a_foreign_host_address_is_a_one_line_error(world: World) -> None:
    done = run(["dalip-app", "serve", *world.options, "--host", "192.0.2.1", "--port", 0])
    assert done.status == 1
    assert len(done.err.splitlines()) == 1


def test_a_malformed_proxy_address_is_wrong_usage(world: World) -> None:
    done = run(["dalip-app", "serve", *world.options, "--proxy", "10.0.0.0/8,proxy.example", "--port", 0])
    assert (done.status, done.out) == (2, "")
    assert "proxy.example" in done.err


def test_a_missing_flora_is_a_one_line_error() -> None:
    done = run(["dalip-app", "serve", "--flora", "nowhere", "--port", 0])
    assert done.status == 1
    assert len(done.err.splitlines()) == 1


def test_only_this_computer_may_add_folders_and_strangers_see_no_library(
    world: World, tmp_path: Path, address: str
) -> None:
    parts = ("library-folder", "search-text", "teach-button", "journal-order")

    def offered(config: str) -> list[str]:
        return [part for part in parts if part in config]

    assert offered(get(address, "/config")[2]) == list(parts)
    with serving(world, tmp_path, "--host", "0.0.0.0") as served:
        assert offered(get(served.address, "/config")[2]) == ["journal-order"]  # a journal for the visit only
        (line,) = served.errors().splitlines()
        assert "anyone who can reach this computer can use the page" in line
    with serving(world, tmp_path, "--host", "0.0.0.0", "--auth", "ann:secret") as served:
        login = httpx.get(f"{served.address}/config", auth=("ann", "secret"), timeout=PATIENCE)
        assert offered(login.text) == list(parts[1:])
        assert served.errors() == ""


@pytest.mark.parametrize("host", ["0.0.0.0", "127.0.0.1"])
def test_the_address_for_phones_is_printed(world: World, tmp_path: Path, host: str) -> None:
    with serving(world, tmp_path, "--host", host, "--auth", "ann:secret") as served:
        words = served.line.split()
        others = [word for word in words if word.startswith("http")][1:]
        assert len(others) == (1 if host == "0.0.0.0" and lan_address() else 0)
        for address in others:
            assert not is_loopback(urlsplit(address).hostname or "")
            assert get(address)[0] == 401


def test_addresses_on_a_computer_without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    class Offline(socket.socket):
        def connect(self, address: object) -> None:
            raise OSError(101, "Network is unreachable")

    assert addresses("192.0.2.7") == ["192.0.2.7"]
    monkeypatch.setattr("socket.socket", Offline)
    assert (lan_address(), lan_address(socket.AF_INET6)) == ("", "")
    assert (addresses("0.0.0.0"), addresses("::")) == (["127.0.0.1"], ["::1"])


def test_behind_a_proxy_that_forwards_the_host_name(world: World, tmp_path: Path) -> None:
    photo = paint(tmp_path / "red.png", "red").read_bytes()
    passed = {"host": "plants.example", "x-forwarded-proto": "https", "x-forwarded-for": "192.0.2.7"}
    browser = passed | {"origin": "https://plants.example", "sec-fetch-site": "same-origin"}
    with (
        serving(world, tmp_path, "--host", "0.0.0.0", "--auth", "ann:secret") as served,
        served.client(headers=browser, auth=("ann", "secret")) as client,
    ):
        assert client.get("/config").json()["root"] == "https://plants.example"
        (path,) = client.post("/gradio_api/upload", files={"files": photo}).json()
        file = {"path": path, "meta": {"_type": "gradio.FileData"}}
        event = client.post("/gradio_api/call/identify", json={"data": [file]}).json()["event_id"]
        assert "Flos red" in client.get(f"/gradio_api/call/identify/{event}").text
        assert client.post("/v2/identify/all", files={"images": photo}).json()["bestMatch"] == "Flos red"


def test_requests_are_logged_without_their_content(world: World, tmp_path: Path) -> None:
    with serving(world, tmp_path, "--log-requests", "--api-key", "secret-key") as served:
        photo = paint(tmp_path / "my-garden.png", "red")
        files = {"images": (photo.name, photo.read_bytes())}
        asked = f"{served.address}/v2/identify/all?api-key=secret-key"
        assert httpx.post(asked, files=files, timeout=PATIENCE).status_code == 200
        assert httpx.get(f"{served.address}/health", timeout=PATIENCE).status_code == 401
        assert httpx.get(f"{served.address}/a%0Ab", timeout=PATIENCE).status_code == 401
    lines = [re.sub(r"\d+ ms$", "1 ms", line) for line in served.errors().splitlines()]
    assert lines[-3:] == [*("POST /v2/identify/all 200 1 ms", "GET /health 401 1 ms", "GET /a%0Ab 401 1 ms")]
    assert not {"secret-key", "my-garden"} & set(re.split(r"[^\w-]", served.errors()))


def test_bind_returns_a_socket_for_that_address() -> None:
    with bind("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        first.listen()
        with refuses(
            DalipError,
            match=f"127.0.0.1:{port}: the server cannot listen on this address .+; use another --port",
        ):
            bind("127.0.0.1", port)
    with refuses(DalipError, match="cannot listen on this address"):
        bind("no such host", 0)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("localhost", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("x.org", False),
    ],
)
def test_is_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_files_outside_the_upload_folder_are_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    inside, outside = tmp_path / "uploads" / "a.png", tmp_path / "b.png"
    inside.parent.mkdir()
    for path in (inside, outside):
        path.write_bytes(b"photo")
    good = {"path": str(inside)}
    assert read_uploads([good]) == [b"photo"]
    assert read_uploads([good] * 5) == [b"photo"] * 5
    (tmp_path / "uploads" / "link.png").symlink_to(outside)
    for wrong in (
        str(outside),
        str(inside.parent / ".." / "b.png"),
        str(inside.parent / "link.png"),
        "\0",
        "",
        3,
    ):
        with pytest.raises(ImageError):
            read_uploads([good, {"path": wrong}])
    for payload in (None, {}, [], "text", good, [None], ["text"], [[]], [good] * 6):
        with pytest.raises(ImageError):
            read_uploads(payload)


def in_a_process(code: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run Python code in a new process."""
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, env=environment(), check=False)


def test_serving_loads_no_torch(world: World, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from dalip_index import Journal, Library\n"
        "from dalip_app.server.floras import Floras\n"
        "from dalip_app.server.keys import Keys; from dalip_app.page.site import make_site\n"
        f"floras = Floras([Path({str(world.flora)!r})], None, Path({str(world.bundle)!r}))\n"
        "make_site(floras, Library(Path('data')), Journal(Path('data')), '127.0.0.1', Keys())\n"
        "print(sorted({'torch', 'torchvision', 'transformers', 'timm', 'open_clip'} & set(sys.modules)))"
    )
    done = in_a_process(code, tmp_path)
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr


UNTOUCHED = """
import gradio, logging, os, sys, tempfile
from pathlib import Path
gradio.Blocks(analytics_enabled=False)
import uvicorn, fastapi_offline
def seen():
    handlers = {{name: list(logging.getLogger(name).handlers) for name in (None, "python_multipart", "uvicorn")}}
    return dict(os.environ), tempfile.gettempdir(), handlers, logging.root.manager.disable
before = seen()
from dalip_app.cli import main, serve
from dalip_app.page.site import make_site
from dalip_app.server import run, uploads
from dalip_app.server.floras import Floras
from dalip_app.server.keys import Keys
from dalip_index import Journal, Library
with uploads.upload_folder():
    floras = Floras([Path({flora!r})], None, Path({bundle!r}))
    make_site(floras, Library(Path("data")), Journal(Path("data")), "127.0.0.1", Keys())
    print(seen() == before)
"""


def test_building_the_site_does_not_change_the_process(world: World, tmp_path: Path) -> None:
    code = UNTOUCHED.format(flora=str(world.flora), bundle=str(world.bundle))
    done = in_a_process(code, tmp_path)
    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr
