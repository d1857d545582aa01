"""HTTPS with a self-signed certificate and with one that the user provides."""

import hashlib
import os
import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from wording import refuses

from dalip.errors import ServerError
from dalip_app.server import certificate as module
from dalip_app.server.certificate import given_certificate, own_certificate
from tests.app.conftest import World, paint, run
from tests.app.serving import PATIENCE, serving


def names(path: Path) -> set[str]:
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    held = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {str(name.value) for name in held}


def test_the_page_over_https(world: World, tmp_path: Path) -> None:
    with serving(world, tmp_path, "--tls") as served:
        assert served.address.startswith("https://127.0.0.1:")
        said = served.process.stdout.readline().split()[-1]  # type: ignore[union-attr]
        host, port = served.address.removeprefix("https://").split(":")
        pem = ssl.get_server_certificate((host, int(port)))
        digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest().upper()
        assert said.replace(":", "") == digest
        trusting = ssl.create_default_context(cafile=str(tmp_path / "data" / "tls.pem"))
        with httpx.Client(verify=trusting, timeout=PATIENCE) as client:
            for name in ("127.0.0.1", "localhost"):
                page = client.get(f"https://{name}:{port}/")
                assert page.status_code == 200
                assert f'"root":"https://{name}:{port}"' in page.text.replace('": "', '":"')
                assert f"http://{name}" not in page.text
            files = {"images": paint(tmp_path / "red.png", "red").read_bytes()}
            answer = client.post(f"{served.address}/v2/identify/all", files=files)
            assert answer.json()["bestMatch"] == "Flos red"
    assert served.errors() == ""


def test_a_certificate_provided_by_the_user(world: World, tmp_path: Path) -> None:
    made = own_certificate("127.0.0.1", tmp_path / "elsewhere").certificate
    options = ["--tls-cert", str(made), "--tls-key", str(made)]
    with serving(world, tmp_path, *options) as served:
        trusting = ssl.create_default_context(cafile=str(made))
        assert (
            httpx.get(f"{served.address}/health", verify=trusting, timeout=PATIENCE).json()["status"] == "ok"
        )
    assert not (tmp_path / "data" / "tls.pem").exists()


def test_a_certificate_is_reused_until_it_expires_or_the_names_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = own_certificate("127.0.0.1", tmp_path)
    assert os.name != "posix" or first.certificate.stat().st_mode & 0o77 == 0
    assert {"localhost", "127.0.0.1", "::1"} <= names(first.certificate)
    assert own_certificate("127.0.0.1", tmp_path) == first
    other = own_certificate("192.0.2.7", tmp_path)
    assert other.fingerprint != first.fingerprint
    assert {"192.0.2.7", "127.0.0.1"} <= names(other.certificate)

    class Later(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:
            return datetime.now(UTC) + timedelta(days=360)

    monkeypatch.setattr(module, "datetime", Later)
    assert own_certificate("192.0.2.7", tmp_path).fingerprint != other.fingerprint
    first.certificate.write_text("damaged")
    assert own_certificate("192.0.2.7", tmp_path).certificate.read_text().startswith("-----BEGIN")
    assert [path.name for path in tmp_path.iterdir()] == ["tls.pem"]


def test_odd_host_names_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("gärten", "a" * 200, ""):
        monkeypatch.setattr(socket, "gethostname", lambda name=name: name)
        assert name not in names(own_certificate("0.0.0.0", tmp_path).certificate)


def locked(certificate: Path, folder: Path) -> Path:
    """Write the private key of a certificate, protected by a password."""
    key = serialization.load_pem_private_key(certificate.read_bytes(), None)
    secret = serialization.BestAvailableEncryption(b"password")
    encoding, layout = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (path := folder / "locked.pem").write_bytes(key.private_bytes(encoding, layout, secret))
    return path


def test_an_unusable_certificate_is_a_one_line_error(tmp_path: Path) -> None:
    good, other = (own_certificate("127.0.0.1", tmp_path / name).certificate for name in "ab")
    (text := tmp_path / "text.pem").write_text("no certificate")
    for certificate, key, words in (
        (
            tmp_path / "missing.pem",
            good,
            "missing.pem: no such file; specify a certificate and its private key",
        ),
        (
            good,
            tmp_path / "missing.pem",
            "missing.pem: no such file; specify a certificate and its private key",
        ),
        (
            text,
            good,
            "text.pem: the server cannot use this certificate .+; specify a certificate and the matching private key",
        ),
        (
            good,
            text,
            "tls.pem: the server cannot use this certificate .+; specify a certificate and the matching private key",
        ),
        (
            good,
            other,
            "tls.pem: the server cannot use this certificate .*MISMATCH.*; specify a certificate and the matching",
        ),
        (
            good,
            locked(good, tmp_path),
            "locked.pem: the private key is protected by a password; use a key without",
        ),
    ):
        with refuses(ServerError, match=words):
            given_certificate(certificate, key)
    (folder := tmp_path / "file").write_text("in the way")
    with refuses(ServerError, match=r"tls\.pem: the file cannot be written .+; use another --data-dir"):
        own_certificate("127.0.0.1", folder)


def test_a_certificate_needs_its_key(world: World, tmp_path: Path) -> None:
    done = run(["dalip-app", "serve", *world.options, "--tls-cert", tmp_path / "a.pem"])
    assert done.status == 2
    assert "must be used together" in done.err
