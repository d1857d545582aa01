"""A model hub on loopback that speaks the protocol of Hugging Face's: repositories are folders, uploads are kept.

It serves what `huggingface_hub` asks for: information about a repository, its tree, files with ranges, the creation of
repositories, uploads of small files in a commit and of large ones by Git LFS.
"""

import base64
import hashlib
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

REVISION = "1234567890abcdef1234567890abcdef12345678"
_LARGE = 100_000  # bytes from which a file is uploaded by Git LFS


@dataclass
class Hub:
    """The state of a server, for tests to read and change."""

    root: Path
    address: str = ""
    requests: list[str] = field(default_factory=list)
    """Method and path of each request, with the range if there is one."""
    stall_after: int = 0
    """Send only this many bytes of a file's content until it is 0 again; 0 to send all."""
    gated: set[str] = field(default_factory=set)
    etag: str = ""
    """Sent instead of the hash of each file."""

    def files(self, repository: str) -> dict[str, Path]:
        folder = self.root / repository
        return {p.relative_to(folder).as_posix(): p for p in sorted(folder.rglob("*")) if p.is_file()}


@contextmanager
def model_hub(root: Path) -> Iterator[Hub]:
    """Serve the repositories `root/ORG/REPO` until the block ends."""
    hub = Hub(root)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    hub.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None: ...

    def do_HEAD(self) -> None:
        self._get(body=False)

    def do_GET(self) -> None:
        self._get(body=True)

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self._path()
        if path == "/api/repos/create":
            asked = json.loads(content)
            name = "/".join(filter(None, [asked.get("organization"), asked["name"]]))
            (self.hub.root / name).mkdir(parents=True, exist_ok=True)
            self._json({"url": f"{self.hub.address}/{name}", "name": name, "id": name})
        elif found := re.fullmatch(r"/api/models/([^/]+/[^/]+)/preupload/main", path):
            files = [
                {
                    "path": file["path"],
                    "uploadMode": "lfs" if file["size"] >= _LARGE else "regular",
                    "shouldIgnore": False,
                }
                for file in json.loads(content)["files"]
            ]
            self._json({"files": files})
        elif found := re.fullmatch(r"/([^/]+/[^/]+)\.git/info/lfs/objects/batch", path):
            objects = [
                {
                    "oid": one["oid"],
                    "size": one["size"],
                    "actions": {"upload": {"href": f"{self.hub.address}/lfs/{one['oid']}", "header": {}}},
                }
                for one in json.loads(content)["objects"]
            ]
            self._json({"transfer": "basic", "objects": objects}, kind="application/vnd.git-lfs+json")
        elif found := re.fullmatch(r"/api/models/([^/]+/[^/]+)/commit/main", path):
            for line in content.splitlines():
                self._commit(self.hub.root / found[1], json.loads(line))
            address = f"{self.hub.address}/{found[1]}/commit/{REVISION}"
            self._json({"commitUrl": address, "commitOid": REVISION, "success": True, "pullRequestUrl": None})
        elif path == "/api/validate-yaml":
            self._json({"errors": [], "warnings": []})
        else:
            self._refuse()

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        name = self._path().removeprefix("/lfs/")
        assert hashlib.sha256(content).hexdigest() == name
        (self.hub.root / "lfs").mkdir(exist_ok=True)
        (self.hub.root / "lfs" / name).write_bytes(content)
        self._json({})

    def _commit(self, folder: Path, line: dict[str, Any]) -> None:
        value = line["value"]
        if line["key"] == "file":
            path = folder / value["path"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(base64.b64decode(value["content"]))
        elif line["key"] == "lfsFile":
            path = folder / value["path"]
            path.parent.mkdir(parents=True, exist_ok=True)
            (self.hub.root / "lfs" / value["oid"]).rename(path)

    def _path(self) -> str:
        path = unquote(urlsplit(self.path).path)
        asked = self.headers.get("Range", "")
        self.hub.requests.append(f"{self.command} {path} {asked}".strip())
        return path

    def _get(self, *, body: bool) -> None:
        path = self._path()
        if found := re.fullmatch(r"/api/models/([^/]+/[^/]+)(/revision/[^/]+)?", path):
            self._describe(found[1])
        elif found := re.fullmatch(r"/api/models/([^/]+/[^/]+)/tree/[^/]+(/.*)?", path):
            entries = [
                {"type": "file", "path": name, "size": file.stat().st_size, "oid": _sha1(file)}
                for name, file in self.hub.files(found[1]).items()
            ]
            self._json(entries)
        elif found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/[^/]+/(.+)", path):
            self._send_file(found[1], found[2], body=body)
        elif path == "/api/whoami-v2":
            self._json({"type": "user", "name": "me", "orgs": [], "auth": {"type": "access_token"}})
        else:
            self._refuse()

    def _describe(self, repository: str) -> None:
        if not (self.hub.root / repository).is_dir():
            self._refuse("RepoNotFound")
            return
        if repository in self.hub.gated:
            self._refuse("GatedRepo", 403)
            return
        files = self.hub.files(repository)
        card = (
            re.search(r"^license: *(\S+)$", files["README.md"].read_text(), re.M)
            if "README.md" in files
            else None
        )
        self._json(
            {
                "id": repository,
                "modelId": repository,
                "sha": REVISION,
                "private": False,
                "tags": [],
                "downloads": 0,
                "likes": 0,
                "cardData": {"license": json.loads(card[1]) if card[1].startswith('"') else card[1]}
                if card
                else None,
                "siblings": [
                    {"rfilename": name, "size": file.stat().st_size} for name, file in files.items()
                ],
            }
        )

    def _send_file(self, repository: str, name: str, *, body: bool) -> None:
        file = self.hub.files(repository).get(name)
        if file is None:
            self._refuse("EntryNotFound")
            return
        content = file.read_bytes()
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        start = int(asked[1]) if asked else 0
        part = content[start:]
        self.send_response(206 if asked else 200)
        self.send_header("ETag", f'"{self.hub.etag or hashlib.sha256(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", REVISION)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(part)))
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        if not body:
            return
        sent = self.hub.stall_after or len(part)
        self.wfile.write(part[:sent])
        while self.hub.stall_after and sent < len(part):
            time.sleep(0.05)
        with suppress(OSError):  # the client may be gone
            self.wfile.write(part[sent:])

    def _json(self, content: Any, kind: str = "application/json") -> None:
        data = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def _refuse(self, code: str = "", status: int = 404) -> None:
        self.send_response(status)
        if code:
            self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()


def _sha1(file: Path) -> str:
    return hashlib.sha1(file.read_bytes()).hexdigest()
