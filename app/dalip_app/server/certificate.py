"""Certificates for HTTPS: given by the user, or self-signed."""

import socket
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import NoReturn

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import Certificate, GeneralName
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from dalip.errors import ServerError, first_line
from dalip.files import atomic_write
from dalip_app.server.addresses import addresses, lan_address

__all__ = ["Tls", "given_certificate", "own_certificate"]

_DAYS = 365  # browsers reject certificates that are valid for much longer
_LEFT = 30  # days before it expires at which it is renewed


@dataclass(frozen=True)
class Tls:
    """Certificate and key for HTTPS."""

    certificate: Path
    """PEM file; it may also contain the key and the certificate chain."""
    key: Path
    """PEM file."""
    fingerprint: str
    """SHA-256 of the certificate, as browsers show it."""


def given_certificate(certificate: Path, key: Path) -> Tls:
    """Use a certificate given by the user.

    Args:
        certificate: PEM file of the certificate.
        key: PEM file of its private key.

    Raises:
        ServerError: A file cannot be read, or certificate and key do not match.
    """

    def refuse_password() -> NoReturn:
        raise ServerError("certificate-key-encrypted", source=key)

    for path in (certificate, key):
        if not path.is_file():
            raise ServerError("certificate-missing", source=path)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, refuse_password)
        return Tls(certificate, key, _fingerprint(x509.load_pem_x509_certificate(certificate.read_bytes())))
    except (OSError, ValueError) as error:  # SSLError is an OSError
        raise ServerError("certificate-unusable", source=certificate, cause=first_line(error)) from error


def own_certificate(host: str, folder: Path) -> Tls:
    """Return the self-signed certificate of this computer; make one if there is none.

    It is renewed if it expires soon or does not cover the current names and addresses of this computer.

    Args:
        host: Host that the server listens on.
        folder: The data folder of the user.

    Raises:
        ServerError: The certificate cannot be written.
    """
    path = folder / "tls.pem"
    names = _names(host)
    try:
        old = x509.load_pem_x509_certificate(path.read_bytes())
        kept = old.not_valid_after_utc - datetime.now(UTC) > timedelta(days=_LEFT) and _covers(old, names)
    except (OSError, ValueError):
        kept = False
    if not kept:
        old, content = _new(names)
        _write(path, content)
    return Tls(path, path, _fingerprint(old))


def _names(host: str) -> list[str]:
    """List the names and addresses that browsers may use for this computer."""
    mine = [] if host in ("0.0.0.0", "::") else [host]
    known = ["localhost", "127.0.0.1", "::1", *addresses(host), lan_address(), socket.gethostname(), *mine]
    return sorted({name for name in known if name and len(name) <= 64 and name.isascii()})


def _covers(certificate: Certificate, names: list[str]) -> bool:
    try:
        held = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return False
    return set(names) <= {str(name.value) for name in held}


def _new(names: list[str]) -> tuple[Certificate, bytes]:
    """Make a certificate; return it, and the content of a PEM file with certificate and key."""
    key = ec.generate_private_key(ec.SECP256R1())
    me = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "DALIP on this computer")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(me)
        .issuer_name(me)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))  # clocks of phones differ
        .not_valid_after(now + timedelta(days=_DAYS))
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    secret = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return certificate, certificate.public_bytes(encoding) + secret


def _general_name(name: str) -> GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _write(path: Path, content: bytes) -> None:
    """Write the file so that only this user can read it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path, rivals=True) as draft:
            draft.touch(mode=0o600)
            draft.write_bytes(content)
    except OSError as error:
        raise ServerError("certificate-not-written", source=path, cause=error.strerror) from error


def _fingerprint(certificate: Certificate) -> str:
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()
