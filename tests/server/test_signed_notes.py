"""Signatures as the standard has them, and notes that nobody can change unseen."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.journal import ed25519, notes
from server.journal.notes import NoteError, Signer, Verifier

KEY = Signer(name="ridgeline", secret=bytes(range(32)))
TEXT = "ridgeline stance order\nwar until noon\n"

# RFC 8032 §7.1: secret key, public key, message, signature.
VECTORS = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b4"
        "6bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d"
        "8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6"
        "594a7c15e9716ed28dc027beceea1ec40a",
    ),
]


@pytest.mark.parametrize(("secret", "public", "message", "signature"), VECTORS)
def test_signatures_are_those_of_the_standard(
    secret: str, public: str, message: str, signature: str
) -> None:
    key, said, signed = bytes.fromhex(secret), bytes.fromhex(message), bytes.fromhex(signature)

    assert ed25519.public_key(key).hex() == public
    assert ed25519.sign(key, said) == signed
    assert ed25519.verify(bytes.fromhex(public), said, signed)
    assert not ed25519.verify(bytes.fromhex(public), said + b"!", signed)


def test_a_signature_of_the_same_number_written_otherwise_is_none() -> None:
    """RFC 8032 §5.1.7: S below the order, or one signature could be made into another."""
    order = 2**252 + 27742317777372353535851937790883648493
    signature = ed25519.sign(KEY.secret, b"x")
    tail = int.from_bytes(signature[32:], "little") + order

    assert not ed25519.verify(
        KEY.verifier.public, b"x", signature[:32] + tail.to_bytes(32, "little")
    )


def test_another_program_verifies_our_signature(tmp_path: Path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl on this machine")
    # RFC 8410 §4: an Ed25519 public key as others read it.
    (tmp_path / "key.der").write_bytes(
        bytes.fromhex("302a300506032b6570032100") + KEY.verifier.public
    )
    (tmp_path / "text").write_text(TEXT)
    (tmp_path / "signature").write_bytes(ed25519.sign(KEY.secret, TEXT.encode()))

    asked = subprocess.run(
        [openssl, "pkeyutl", "-verify", "-pubin", "-inkey", "key.der", "-keyform", "DER",
         "-rawin", "-in", "text", "-sigfile", "signature"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert asked.returncode == 0, asked.stdout + asked.stderr


def test_a_note_says_what_was_signed_and_its_key_reads_back() -> None:
    note = KEY.sign(TEXT)

    assert notes.verify(note, Verifier.parse(str(KEY.verifier))) == TEXT
    assert Signer.parse(KEY.private_text() + "\n") == KEY


@settings(max_examples=12, deadline=None)
@given(st.data())
def test_whoever_changes_one_letter_of_a_note_is_found_out(data: st.DataObject) -> None:
    note = KEY.sign(TEXT)
    at = data.draw(st.integers(0, len(note) - 1))
    other = data.draw(st.sampled_from("aZ0/ \n").filter(lambda each: each != note[at]))
    changed = note[:at] + other + note[at + 1 :]

    with pytest.raises(NoteError):
        notes.verify(changed, KEY.verifier)


def test_a_note_that_another_key_signed_is_not_ours() -> None:
    other = Signer(name="ridgeline", secret=bytes(32))

    with pytest.raises(NoteError, match="did not sign"):
        notes.verify(other.sign(TEXT), KEY.verifier)


@pytest.mark.parametrize("text", ["", "no end of line", "a bell \x07\n"])
def test_a_text_that_cannot_be_a_note_is_not_signed(text: str) -> None:
    with pytest.raises(NoteError):
        KEY.sign(text)


def test_a_key_that_was_cut_off_is_no_key() -> None:
    with pytest.raises(NoteError):
        Verifier.parse(str(KEY.verifier)[:-4])
    with pytest.raises(NoteError):
        Signer.parse(KEY.private_text()[:-4])
