"""Our own small certificate authority for TAK clients: its key, the server's, and those of clients.

Three files in the data folder, each its owner's alone (0600) or public:

    keys/tak/ca.pem       key and certificate of the authority
    keys/tak/server.pem   key and certificate of the TAK port, signed by it
    keys/tak/ca.crt       the authority's certificate, for whoever wants to verify

A key and its certificate are one file, so they can never disagree. A client's key leaves with its
data package and is not kept. Who may come in is a row of the database (`server.stores.takcerts`);
a signature alone opens nothing. Knows no socket and no row.
"""

from __future__ import annotations

import ipaddress
import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from server.envvalues import SettingsError

FOLDER: Final = Path("keys") / "tak"
CA_FILE: Final = "ca.pem"
CA_PUBLIC_FILE: Final = "ca.crt"
SERVER_FILE: Final = "server.pem"
CA_NAME: Final = "Ridgeline TAK authority"
CA_FOR: Final = timedelta(days=3650)
SERVER_FOR: Final = timedelta(days=800)
"""Apple's systems believe no server certificate that lasts longer than 825 days."""
CLIENT_FOR: Final = timedelta(days=365)
BACKDATED: Final = timedelta(hours=1)
"""A client whose clock is behind believes it all the same."""
RENEW_BEFORE: Final = timedelta(days=60)
"""The server's certificate is made anew so long before it ends."""
NAMES_LEN_MAX: Final = 32
"""Names and addresses of one server certificate."""
_CA_BITS: Final = 3072
_LEAF_BITS: Final = 2048
"""What the oldest clients still take, and no less than NIST SP 800-57 asks for until 2030."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A private key and the certificate that goes with it."""

    key: rsa.RSAPrivateKey
    certificate: x509.Certificate

    @property
    def fingerprint(self) -> bytes:
        return self.certificate.fingerprint(hashes.SHA256())

    @property
    def expires_at(self) -> datetime:
        return self.certificate.not_valid_after_utc

    def pem(self) -> bytes:
        key = self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return key + self.certificate.public_bytes(serialization.Encoding.PEM)


def folder_of(data_dir: Path) -> Path:
    return data_dir / FOLDER


def load_or_make(data_dir: Path, *, now: datetime) -> Pair:
    """The authority of this data folder; made where there is none. Raises `SettingsError`."""
    path = folder_of(data_dir) / CA_FILE
    try:
        for folder in (path.parent.parent, path.parent):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            _write_once(path, _make_authority(now).pem())
        found = _read(path)
        public = folder_of(data_dir) / CA_PUBLIC_FILE
        text = found.certificate.public_bytes(serialization.Encoding.PEM)
        if not public.exists() or public.read_bytes() != text:
            public.write_bytes(text)
    except OSError as error:
        raise SettingsError(f"The TAK authority cannot be used: {error}.") from error
    if now >= found.expires_at:
        raise SettingsError(
            f"The TAK authority of {path} ended on {found.expires_at:%Y-%m-%d}. Move it away, "
            "start again, and hand every client a new data package."
        )
    return found


def server_pair(data_dir: Path, authority: Pair, names: Iterable[str], *, now: datetime) -> Path:
    """The file with the TAK port's key and certificate, fit to be used now.

    Made anew where it is missing, ends soon, was signed by another authority or lacks one of
    `names`. Raises `SettingsError`.
    """
    path = folder_of(data_dir) / SERVER_FILE
    wanted = list(dict.fromkeys(names))
    try:
        known: list[str] = []
        if path.exists():
            found = _read(path)
            if _is_of(authority, found):
                known = names_of(found.certificate)
                if now < found.expires_at - RENEW_BEFORE and set(wanted) <= set(known):
                    return path
        made = _issue_server(authority, list(dict.fromkeys((*wanted, *known))), now)
        _write_over(path, made.pem())
    except OSError as error:
        raise SettingsError(f"The TAK port's certificate cannot be used: {error}.") from error
    return path


def remake_server(data_dir: Path, authority: Pair, names: Iterable[str], *, now: datetime) -> Pair:
    """A new certificate for the TAK port, with just these names. Raises `SettingsError`."""
    try:
        made = _issue_server(authority, list(dict.fromkeys(names)), now)
        _write_over(folder_of(data_dir) / SERVER_FILE, made.pem())
    except OSError as error:
        raise SettingsError(f"The certificate cannot be written: {error}.") from error
    return made


def issue_client(
    authority: Pair, *, username: str, badge: str, now: datetime, valid_for: timedelta = CLIENT_FOR
) -> Pair:
    """A key and a certificate for one client of a user; never beyond the authority's own end."""
    subject = [x509.NameAttribute(NameOID.COMMON_NAME, username)]
    if badge:
        subject.append(x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, badge))
    return _issue(
        authority,
        x509.Name(subject),
        now=now,
        valid_for=valid_for,
        usage=ExtendedKeyUsageOID.CLIENT_AUTH,
        names=None,
    )


def names_of(certificate: x509.Certificate) -> list[str]:
    """Host names and addresses that a server certificate is good for."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [
        *found.get_values_for_type(x509.DNSName),
        *map(str, found.get_values_for_type(x509.IPAddress)),
    ]


def read_pair(path: Path) -> Pair:
    """A pair from its file. Raises `SettingsError`."""
    try:
        return _read(path)
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error}.") from error


def _make_authority(now: datetime) -> Pair:
    key = rsa.generate_private_key(public_exponent=65537, key_size=_CA_BITS)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, CA_NAME)])
    certificate = (
        _begun(name, name, key.public_key(), now, now + CA_FOR)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Pair(key=key, certificate=certificate)


def _issue_server(authority: Pair, names: list[str], now: datetime) -> Pair:
    if not names:
        raise SettingsError("A server certificate needs at least one name or address.")
    if len(names) > NAMES_LEN_MAX:
        raise SettingsError(f"A server certificate holds at most {NAMES_LEN_MAX} names.")
    return _issue(
        authority,
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])]),
        now=now,
        valid_for=SERVER_FOR,
        usage=ExtendedKeyUsageOID.SERVER_AUTH,
        names=[_general(each) for each in names],
    )


def _issue(
    authority: Pair,
    subject: x509.Name,
    *,
    now: datetime,
    valid_for: timedelta,
    usage: x509.ObjectIdentifier,
    names: list[x509.GeneralName] | None,
) -> Pair:
    key = rsa.generate_private_key(public_exponent=65537, key_size=_LEAF_BITS)
    ends_at = min(now + valid_for, authority.expires_at)
    issuer = authority.certificate
    builder = (
        _begun(subject, issuer.subject, key.public_key(), now, ends_at)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()),
            critical=False,
        )
    )
    if names is not None:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return Pair(key=key, certificate=builder.sign(authority.key, hashes.SHA256()))


def _begun(
    subject: x509.Name,
    issuer: x509.Name,
    key: rsa.RSAPublicKey,
    now: datetime,
    ends_at: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(ends_at)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_encipherment=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        pass
    try:
        return x509.DNSName(name)
    except ValueError as error:
        raise SettingsError(f"{name!r} is no host name: {error}.") from error


def _is_of(authority: Pair, leaf: Pair) -> bool:
    try:
        leaf.certificate.verify_directly_issued_by(authority.certificate)
    except (InvalidSignature, ValueError):
        return False
    return True


def _read(path: Path) -> Pair:
    if (mode := path.stat().st_mode & 0o777) & 0o077:
        raise SettingsError(
            f"{path} can be read by others (mode {mode:o}). Say: chmod 600 {path}, and think of "
            "whether somebody has read it: whoever did can let himself in."
        )
    text = path.read_bytes()
    try:
        key = serialization.load_pem_private_key(text, password=None)
        certificate = x509.load_pem_x509_certificate(text)
    except (ValueError, TypeError) as error:
        raise SettingsError(f"{path} cannot be used: {error}. Restore it from a backup.") from error
    if not isinstance(key, rsa.RSAPrivateKey) or key.public_key() != certificate.public_key():
        raise SettingsError(f"{path} holds a key and a certificate that do not belong together.")
    return Pair(key=key, certificate=certificate)


def _write_once(path: Path, content: bytes) -> None:
    """Whole or not at all; where two processes make one at once, the first one's stays."""
    made = _beside(path, content)
    try:
        os.link(made, path)
    except FileExistsError:
        return
    finally:
        made.unlink()


def _write_over(path: Path, content: bytes) -> None:
    _beside(path, content).replace(path)


def _beside(path: Path, content: bytes) -> Path:
    handle, made = tempfile.mkstemp(dir=path.parent, prefix=path.name)  # 0600
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return Path(made)
