"""An export may come from anybody: whatever is in it, it is judged rightly, in bounded memory."""

from __future__ import annotations

import base64
import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from server.cli import _verify
from server.cli.audit import audit_group
from server.journal import canonical, exportfile, findings, suspects, trees, verifier
from server.journal.exportfile import End, Line, Noted
from server.journal.findings import FindingKind as Kind
from server.journal.leaf import Content
from server.journal.verifier import Verification
from tests.server.made_log import edited, entry, exported, line, parts, verified
from tests.server.sealed_log import SIGNER

SIZE = 12
LOG = [entry(n) for n in range(1, SIZE + 1)]


def found(lines: list[str], *witnesses: str) -> list[tuple[Kind, int, int]]:
    return [(each.kind, each.first, each.last) for each in verified(lines, *witnesses).findings]


def with_line(seq: int, other: Line) -> list[str]:
    """The whole export, one entry's line being another."""
    return edited(exported(LOG), seq, lambda _: exportfile.written(other))


def test_what_nobody_touched_is_well() -> None:
    assert found(exported(LOG)) == []
    assert found(exported(LOG, last=6)) == []


# -- what a line may say --------------------------------------------------------------------


def test_a_time_that_swallows_a_field_is_none() -> None:
    """The leaf would be the same: its text has the field's line behind the time's."""
    was = line(5, LOG[4])
    commitments = LOG[4].commitments(was.salts)
    gone = min(commitments)
    hidden = f"{canonical.quoted(gone)} {base64.b64encode(commitments[gone]).decode()}"
    values = {name: each for name, each in LOG[4].values.items() if name != gone}
    other = Content(id=5, at=f"{LOG[4].at}\n{hidden}", values=values)
    salts = {name: was.salts[name] for name in values}

    lines = with_line(5, Line(seq=5, leaf=was.leaf, content=other, salts=salts))

    assert (Kind.CHANGED, 5, 5) in found(lines)


def with_more(text: str, where: str) -> str:
    value = json.loads(text)
    if where:
        value[where]["more"] = "user:li"
    else:
        value["actor"] = "user:li"
    return json.dumps(value) + "\n"


@pytest.mark.parametrize("seq", [5, 12])
def test_nothing_stands_in_a_line_beside_what_is_proved(seq: int) -> None:
    report = verified(edited(exported(LOG), seq, lambda text: with_more(text, "")))

    assert [(each.kind, each.first) for each in report.findings] == [(Kind.CHANGED, seq)]
    assert report.held == SIZE, "its leaf is there, and what follows holds"


@pytest.mark.parametrize(("place", "where"), [(0, ""), (4, ""), (-1, ""), (-1, "end")])
def test_nor_in_the_lines_around_them(place: int, where: str) -> None:
    lines = exported(LOG)
    lines[place] = with_more(lines[place], where)

    assert Kind.CHANGED in {kind for kind, _, _ in found(lines)}


def test_a_field_is_a_list_of_salt_and_value() -> None:
    def as_object(text: str) -> str:
        value = json.loads(text)
        salt, said = value["fields"]["body.note"]
        value["fields"]["body.note"] = {salt: "what a reader would believe", said: 1}
        return json.dumps(value) + "\n"

    assert found(edited(exported(LOG), 5, as_object)) == [(Kind.CHANGED, 5, 5)]


@pytest.mark.parametrize(
    "value",
    ["[" * 800 + "]" * 800, "[" * 100_000, "1e149999", "1E5", "[" + "1e149999," * 3000 + "1]"],
)
def test_a_value_that_fills_memory_or_stack_is_a_changed_line(value: str) -> None:
    lines = edited(exported(LOG), 5, lambda text: text.replace('"truck 5"', value))
    tracemalloc.start()

    kinds = found(lines)

    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kinds[0] == (Kind.CHANGED, 5, 5)
    assert most < 20_000_000


HALF = "\ud800"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda lines: lines.insert(1, json.dumps({"checkpoint": f"o{HALF}\n1\n\n\n\u2014 x AA\n"})),
        lambda lines: lines.insert(0, lines.pop(0).replace('"keys":[]', f'"keys":["{HALF}"]')),
    ],
)
def test_half_a_character_in_a_note_is_a_forged_one(spoil: Callable[[list[str]], Any]) -> None:
    lines = exported(LOG)
    spoil(lines)

    assert (Kind.FORGED, 1, 1) in found(lines)


# -- limits ---------------------------------------------------------------------------------


def test_the_same_checkpoint_again_and_again_takes_no_memory() -> None:
    made = exported(LOG)
    note = next(each for each in made if '"checkpoint"' in each)
    verification = Verification(SIGNER.verifier)
    verification.feed(made[0])
    for _ in range(50):
        verification.feed(note)
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()

    for _ in range(500):
        verification.feed(note)

    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 20_000
    for each in made[1:]:
        verification.feed(each)
    assert verification.finish().findings == []


def test_checkpoints_far_before_their_entries_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trees, "DUE_LEN_MAX", 2)
    made = exported(LOG)
    notes = [each for each in made if '"checkpoint"' in each]

    lines = [made[0], *notes, *(each for each in made[1:] if '"checkpoint"' not in each)]

    assert found(lines) == [(Kind.REORDERED, 12, 12)]


def test_lines_that_come_too_early_are_kept_up_to_a_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifier, "EARLY_CHARS_MAX", 1500)
    lines = exported(LOG)
    del lines[1]

    kinds = found(lines)

    assert kinds[0] == (Kind.MISSING, 1, 1)
    assert len(kinds) == 1


def test_the_first_bad_entry_is_named_however_many_are_bad(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(findings, "FINDINGS_LEN_MAX", 5)
    lines = edited(exported(LOG), 2, lambda text: text.replace("truck 2", "truck 3"))
    again = next(each for each in lines if '"seq":9' in each)
    place = next(n for n, each in enumerate(lines) if '"seq":10' in each)

    report = verified([*lines[:place], *[again] * 30, *lines[place:-2], lines[-1]])

    assert report.findings[0].first == 2
    assert len(report.integrity) == 5
    assert report.more == 26
    assert {each.kind for each in report.completeness} == {Kind.TRUNCATED}, "apart all the same"


def test_of_very_many_that_differ_the_first_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trees, "FINDINGS_LEN_MAX", 3)
    lines = [each.replace("truck", "lorry") for each in exported(LOG)]

    report = verified(lines)

    assert [each.first for each in report.integrity] == [1, 2, 3]
    assert report.more == SIZE - 3


# -- what follows the last line -------------------------------------------------------------


def test_a_part_whose_newest_checkpoint_is_of_another_history_is_not_complete() -> None:
    other = parts([entry(n, {"n": -n}) for n in range(1, SIZE + 1)], last=8)[-1]
    assert isinstance(other, End)

    lines = [*exported(LOG, last=8)[:-1], exportfile.written(other)]

    assert found(lines) == [(Kind.FORKED, 9, SIZE)]


# -- who is named ---------------------------------------------------------------------------


def with_leaf_anew(seq: int, note: str, log: list[Content]) -> list[str]:
    """Entry and leaf changed together."""
    values = {**log[seq - 1].values, "body.note": note}
    other = line(seq, Content(id=log[seq - 1].id, at=log[seq - 1].at, values=values))
    return edited(exported(log), seq, lambda _: exportfile.written(other))


def test_entries_of_transactions_that_overtook_each_other_are_not_blamed() -> None:
    log = [*LOG[:4], LOG[5], LOG[4], *LOG[6:]]
    assert found(exported(log)) == []

    assert found(with_leaf_anew(7, "nothing", log)) == [(Kind.CHANGED, 5, 8)]


def moved(*order: int) -> list[str]:
    """The file with its entries in another order, each with its leaf, under the old checkpoints."""
    lines = exported(LOG)
    for place, was in enumerate(order, 1):
        if place != was:
            other = line(place, LOG[was - 1])
            lines = edited(lines, place, lambda _, other=other: exportfile.written(other))  # type: ignore[misc]
    return lines


@pytest.mark.parametrize(
    ("order", "first"),
    [
        ((1, 2, 3, 4, 6, 5, 7, 8, 9, 10, 11, 12), 5),
        ((1, 2, 3, 4, 8, 5, 6, 7, 9, 10, 11, 12), 5),
        ((1, 2, 3, 4, 5, 11, 7, 8, 9, 10, 6, 12), 6),
        ((12, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 1), 1),
    ],
)
def test_who_changed_places_is_named(order: tuple[int, ...], first: int) -> None:
    kinds = found(moved(*order))

    assert kinds == [(Kind.REORDERED, first, first)]


def test_of_many_entries_those_that_stand_out_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suspects, "PAIRS_OF_MAX", 2)

    assert found(moved(1, 2, 3, 4, 5, 11, 7, 8, 9, 10, 6, 12)) == [(Kind.REORDERED, 6, 6)]
    monkeypatch.setattr(suspects, "LATER_LEN_MAX", 0)
    assert found(moved(1, 2, 3, 4, 5, 11, 7, 8, 9, 10, 6, 12)) == [(Kind.CHANGED, 5, 8)]


def test_with_too_many_entries_since_the_last_checkpoint_no_single_one_is_blamed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(trees, "WINDOW_LEN_MAX", 3)

    assert found(moved(1, 2, 3, 4, 6, 5, 7, 8, 9, 10, 11, 12)) == [(Kind.CHANGED, 5, 8)]


# -- the command ----------------------------------------------------------------------------


def run(lines: list[str] | bytes, tmp_path: Path, *arguments: str) -> Any:
    """With the exit code; every exception that is no message is raised here."""
    file = tmp_path / "log.jsonl"
    file.write_bytes(lines if isinstance(lines, bytes) else "".join(lines).encode())
    key = str(SIGNER.verifier)
    said = ["verify", str(file), "--key", key, *arguments]
    return CliRunner().invoke(audit_group, said, catch_exceptions=False)


def test_a_line_longer_than_any_entry_is_not_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exportfile, "LINE_LEN_MAX", 2000)
    lines = exported(LOG)
    at = next(n for n, each in enumerate(lines) if '"seq":5' in each)
    lines[at] = lines[at].replace("truck 5", "x" * 9000)
    long: list[int] = []
    feed = Verification.feed

    def watched(self: Verification, text: str) -> None:
        long.append(len(text))
        feed(self, text)

    monkeypatch.setattr(Verification, "feed", watched)

    done = run(lines, tmp_path)

    assert max(long) == 2001
    assert len(long) == len(lines)
    assert done.exit_code == 5
    assert "Integrity: BROKEN, first at entry 5." in done.output


@pytest.mark.parametrize("form", ["utf-8-sig", "crlf"])
def test_a_file_that_another_program_has_saved_is_the_same(form: str, tmp_path: Path) -> None:
    text = "".join(exported(LOG))
    saved = text.replace("\n", "\r\n").encode() if form == "crlf" else text.encode("utf-8-sig")

    assert run(saved, tmp_path).exit_code == 0


def test_the_log_cannot_speak_to_the_terminal(tmp_path: Path) -> None:
    lines = exported(LOG)
    lines[0] = json.dumps(json.loads(lines[0]) | {"origin": "a\x1b[2J\nIntegrity: \u202eb\ud800"})
    lines[0] += "\n"

    done = run(lines, tmp_path)

    assert done.exit_code == 3
    assert "a\\x1b[2J\\nIntegrity: \\u202eb\\ud800" in done.output


def note_of(size: int) -> str:
    notes = [each.note for each in parts(LOG) if isinstance(each, Noted)]
    return next(each for each in notes if each.split("\n")[1] == str(size))


@pytest.mark.parametrize(
    "saved",
    [
        lambda note: note.encode(),
        lambda note: note.encode("utf-8-sig"),
        lambda note: note.encode("utf-16"),
        lambda note: note.replace("\n", "\r\n").encode(),
        lambda note: note.rstrip("\n").encode(),
        lambda note: (note + "\n\n").encode(),
    ],
)
def test_a_kept_checkpoint_may_have_gone_through_other_programs(
    saved: Callable[[str], bytes], tmp_path: Path
) -> None:
    kept = tmp_path / "kept.txt"
    kept.write_bytes(saved(note_of(8)))

    done = run(exported(LOG), tmp_path, "--checkpoint", str(kept))

    assert done.exit_code == 0, done.output
    assert "Agrees with the checkpoints of witnesses, of 8 entries." in done.output


@pytest.mark.parametrize("saved", [b"", b"\xff\x00\xfe", b"hello", b"x" * 2_000_000])
def test_what_is_no_checkpoint_is_said_so(saved: bytes, tmp_path: Path) -> None:
    kept = tmp_path / "kept.txt"
    kept.write_bytes(saved)

    done = run(exported(LOG), tmp_path, "--checkpoint", str(kept))

    assert (done.exit_code, "is no checkpoint" in done.output) == (1, True)


def test_a_checkpoint_that_could_not_be_held_against_it_is_not_passed_over(tmp_path: Path) -> None:
    kept = tmp_path / "kept.txt"
    kept.write_text(note_of(8).replace("ridgeline ", "another "))

    done = run(exported(LOG), tmp_path, "--checkpoint", str(kept))

    assert done.exit_code == _verify.NOT_HELD
    assert "a witness's checkpoint says nothing" in done.output


@pytest.mark.parametrize("text", ["", "\n", "\ufeff\n"])
def test_a_file_without_a_key_is_said_so(text: str, tmp_path: Path) -> None:
    key = tmp_path / "signing.pub"
    key.write_text(text)
    file = tmp_path / "log.jsonl"
    file.write_text("".join(exported(LOG)))

    done = CliRunner().invoke(audit_group, ["verify", str(file), "--key", str(key)])

    assert (done.exit_code, "no public key" in done.output) == (1, True)


def test_what_a_witness_contradicts_is_said_in_words(tmp_path: Path) -> None:
    other = parts([entry(n, {"n": -n}) for n in range(1, SIZE + 1)])[-1]
    assert isinstance(other, End)
    assert other.note is not None
    kept = tmp_path / "kept.txt"
    kept.write_text(other.note)

    done = run(exported(LOG), tmp_path, "--checkpoint", str(kept), "--checkpoint", str(kept))

    assert done.exit_code == 4
    assert "Does NOT agree with those of 12 entries." in done.output
    assert "No witness" not in done.output


def test_behind_a_broken_place_nothing_is_promised(tmp_path: Path) -> None:
    done = run(with_leaf_anew(7, "nothing", LOG), tmp_path)

    assert "changed: entries 5 to 8: one of them was changed" in done.output
    assert "Held by signed checkpoints: up to entry 4; last signed: 12." in done.output
    assert "Of the entries behind that, nothing proves" in done.output


def test_of_a_file_that_was_cut_off_it_is_said_what_was_signed(tmp_path: Path) -> None:
    done = run(exported(LOG)[:-2], tmp_path)

    assert done.exit_code == 4
    assert "up to entry 8; last signed: 12." in done.output


def test_a_part_is_called_one(tmp_path: Path) -> None:
    done = run(exported(LOG, last=6), tmp_path)

    assert done.exit_code == 0
    assert "It is a part: the log had 12 entries when it was last signed." in done.output
    assert "Completeness: nothing is missing between entry 1 and 6." in done.output


def test_no_hash_is_needed_but_the_key() -> None:
    with pytest.raises(ValueError, match="public key"):
        Verification()
