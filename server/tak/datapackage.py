"""The data package: one zip file that makes ATAK, WinTAK or iTAK a client of this server.

It holds two key stores (our authority's certificate, to know the server by; the client's key and
certificate) and a file of preferences that names the server, the stores and their passwords. All
lie flat beside the manifest's folder: iTAK finds nothing deeper. The stores are written with
PKCS#12's first algorithms (RFC 7292 appendix C: SHA-1 and triple DES), for the key chains of
Android and Apple read no other with certainty; who has the file has the password anyway, so it is
as secret as a key.

Values in, bytes out.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import (
    KeySerializationEncryption,
    PrivateFormat,
    pkcs12,
)

from server.tak.authority import Pair

TRUST_FILE: Final = "truststore.p12"
PREF_FILE: Final = "ridgeline.pref"
MANIFEST_FILE: Final = "MANIFEST/manifest.xml"
_ROUNDS: Final = 2048
"""Of the key derivation: what OpenSSL's -legacy writes."""
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
"""A zip knows no time zone; ours says nothing rather than something wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Whose package, and which server."""

    package_id: str
    """A UUID: a client that imports the same twice replaces it."""
    username: str
    callsign: str
    team: str
    host: str
    port: int
    description: str
    password: str
    """Of both stores."""


def build(wanted: Wanted, *, authority: x509.Certificate, client: Pair) -> bytes:
    """The zip file."""
    client_file = f"{wanted.username}.p12"
    files = {
        MANIFEST_FILE: _manifest(wanted, client_file).encode(),
        PREF_FILE: _preferences(wanted, client_file).encode(),
        TRUST_FILE: trust_store(authority, wanted.password),
        client_file: client_store(client, authority, wanted),
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), content)
    return packed.getvalue()


def trust_store(authority: x509.Certificate, password: str) -> bytes:
    """The authority alone, marked as trusted as Java key stores want it."""
    return pkcs12.serialize_java_truststore(
        [pkcs12.PKCS12Certificate(authority, b"ridgeline")], _encryption(password)
    )


def client_store(client: Pair, authority: x509.Certificate, wanted: Wanted) -> bytes:
    """The client's key, its certificate and who signed it."""
    return pkcs12.serialize_key_and_certificates(
        wanted.username.encode(),
        client.key,
        client.certificate,
        [authority],
        _encryption(wanted.password),
    )


def _encryption(password: str) -> KeySerializationEncryption:
    return (
        PrivateFormat.PKCS12.encryption_builder()
        .kdf_rounds(_ROUNDS)
        .key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC)
        .hmac_hash(hashes.SHA1())  # noqa: S303 (what those clients read)
        .build(password.encode())
    )


def _manifest(wanted: Wanted, client_file: str) -> str:
    entries = "".join(
        f'    <Content ignore="false" zipEntry={quoteattr(each)}/>\n'
        for each in (PREF_FILE, TRUST_FILE, client_file)
    )
    return (
        '<MissionPackageManifest version="2">\n'
        "  <Configuration>\n"
        f'    <Parameter name="uid" value={quoteattr(wanted.package_id)}/>\n'
        f'    <Parameter name="name" value={quoteattr(wanted.description)}/>\n'
        '    <Parameter name="onReceiveDelete" value="true"/>\n'
        "  </Configuration>\n"
        f"  <Contents>\n{entries}  </Contents>\n"
        "</MissionPackageManifest>\n"
    )


def _preferences(wanted: Wanted, client_file: str) -> str:
    """Older clients read one set of stores for all servers, newer ones a set for each."""
    stores = {
        "caLocation": f"cert/{TRUST_FILE}",
        "caPassword": wanted.password,
        "certificateLocation": f"cert/{client_file}",
        "clientPassword": wanted.password,
    }
    streams = [
        _entry("count", 1),
        _entry("description0", wanted.description),
        _entry("enabled0", True),
        _entry("connectString0", f"{_bracketed(wanted.host)}:{wanted.port}:ssl"),
        *(_entry(f"{key}0", value) for key, value in stores.items()),
    ]
    application = [
        _entry("displayServerConnectionWidget", True),
        *(_entry(key, value) for key, value in stores.items()),
        _entry("locationCallsign", wanted.callsign),
        _entry("locationTeam", wanted.team),
        _entry("atakRoleType", "Team Member"),
    ]
    return (
        "<?xml version='1.0' encoding='UTF-8' standalone='yes'?>\n<preferences>\n"
        + _preference("cot_streams", streams)
        + _preference("com.atakmap.app_preferences", application)
        + "</preferences>\n"
    )


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _preference(name: str, entries: list[str]) -> str:
    return f'  <preference version="1" name="{name}">\n{"".join(entries)}  </preference>\n'


def _entry(key: str, value: str | int) -> str:
    kind = {bool: "Boolean", int: "Integer", str: "String"}[type(value)]
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f'    <entry key="{key}" class="class java.lang.{kind}">{escape(text)}</entry>\n'
