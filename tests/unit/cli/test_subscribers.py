"""`softswitch subscribers`."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from softswitch.cli.main import main
from softswitch.config.models import ha1_pair
from softswitch.store import Store, SubscriberRecord


def stored(tmp_path: Path) -> dict[str, SubscriberRecord]:
    store = Store(tmp_path / "data" / "softswitch.db")
    store.start()
    records = store.list_subscribers()
    store.close()
    return {record.number: record for record in records}


def test_added_subscriber_is_kept_as_hashes_and_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["subscribers", "add", "2001", "--name", "Gate", "--role", "dispatcher", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["switch_told"] is False
    record = stored(tmp_path)["2001"]
    assert (record.ha1_md5, record.ha1_sha256) == ha1_pair("2001", "softswitch", answer["password"])
    assert answer["password"].encode() not in (tmp_path / "data" / "softswitch.db").read_bytes()
    assert main(["subscribers", "list", "--json"]) == 0
    rows = {row["number"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["2001"] == {
        "number": "2001",
        "display_name": "Gate",
        "class_of_service": "",
        "roles": ["dispatcher"],
        "origin": "store",
    }
    assert rows["1001"]["origin"] == "configuration" and len(rows) == 20


def test_list_makes_no_database(tmp_path: Path) -> None:
    assert main(["subscribers", "list"]) == 0
    assert list(tmp_path.iterdir()) == []


def test_added_subscriber_can_be_called(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["route", "1001", "2001"]) == 1
    assert main(["subscribers", "add", "2001"]) == 0
    assert main(["route", "1001", "2001"]) == 0
    assert "⇒ subscriber 2001 (as 2001)" in capsys.readouterr().out


def test_password_from_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse\n"))
    assert main(["subscribers", "add", "2001", "--stdin"]) == 0
    assert "correct horse" not in capsys.readouterr().out
    assert stored(tmp_path)["2001"].ha1_md5 == ha1_pair("2001", "softswitch", "correct horse")[0]
    monkeypatch.setattr("sys.stdin", io.StringIO("battery staple\n"))
    assert main(["subscribers", "passwd", "2001", "--stdin"]) == 0
    assert stored(tmp_path)["2001"].ha1_md5 == ha1_pair("2001", "softswitch", "battery staple")[0]


def test_running_switch_is_told(switch: Any, capsys: pytest.CaptureFixture[str]) -> None:
    switch.answers["POST", "/api/v1/system/reload"] = (200, {"detail": "ok"})
    assert main(["subscribers", "add", "2001", "--json", "--url", switch.url]) == 0
    assert json.loads(capsys.readouterr().out)["switch_told"] is True
    assert main(["subscribers", "remove", "2001", "--url", switch.url]) == 0
    assert capsys.readouterr().out == "removed 2001\n"
    assert [path for _, path, _ in switch.requests] == ["/api/v1/system/reload"] * 2


def test_switch_that_refuses_does_not_undo_the_change(
    tmp_path: Path, switch: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    switch.answers["POST", "/api/v1/system/reload"] = (401, {"detail": "no token"})
    assert main(["subscribers", "add", "2001", "--url", switch.url]) == 0
    assert "added 2001 (not told: " in capsys.readouterr().out
    assert "2001" in stored(tmp_path)


REFUSALS = [
    ("of the configuration", ["add", "1001"], 2, "stands in the embedded defaults"),
    ("of a service", ["add", "600"], 2, "already a service"),
    ("of nobody", ["remove", "2999"], 1, "there is no subscriber 2999"),
    ("password of nobody", ["passwd", "2999"], 1, "there is no subscriber 2999"),
    ("that is none", ["add", "a b"], 2, "is no number"),
    ("of an unknown class", ["add", "2001", "--class-of-service", "x"], 2, "no class of service 'x'"),
    ("removed from the configuration", ["remove", "1001"], 2, "is changed there"),
]


@pytest.mark.parametrize(("arguments", "code", "text"), [row[1:] for row in REFUSALS], ids=[row[0] for row in REFUSALS])
def test_refused(arguments: list[str], code: int, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["subscribers", *arguments]) == code
    assert text in capsys.readouterr().err


def test_adding_twice_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["subscribers", "add", "2001"]) == 0
    assert main(["subscribers", "add", "2001"]) == 1
    assert "subscribers passwd 2001" in capsys.readouterr().err


def test_short_password_is_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("short\n"))
    assert main(["subscribers", "add", "2001", "--stdin"]) == 2
    assert "at least 8 characters" in capsys.readouterr().err


def test_password_of_the_configuration_is_printed_as_lines_to_put_there(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse\n"))
    assert main(["subscribers", "passwd", "1001", "--stdin"]) == 0
    md5, sha256 = ha1_pair("1001", "softswitch", "correct horse")
    shown = capsys.readouterr().out
    assert f'ha1_md5 = "{md5}"\nha1_sha256 = "{sha256}"\n' in shown


def test_damaged_database_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "softswitch.db").write_bytes(b"nonsense" * 1000)
    assert main(["subscribers", "add", "2001"]) == 1
    assert "is damaged" in capsys.readouterr().err
    assert main(["subscribers", "list"]) == 1
    assert "cannot be read" in capsys.readouterr().err
