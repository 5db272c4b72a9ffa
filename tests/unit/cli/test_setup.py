"""Commands about the configuration: init, check, route, config-doc, version, completion, doctor."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from softswitch.cli import checks
from softswitch.cli.checks import examine
from softswitch.cli.completion import script
from softswitch.cli.finding import Finding
from softswitch.cli.main import build_parser, main
from softswitch.config import Settings, embedded_defaults, loads

BROKEN = '[sip]\nrelm = "x"\n'


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["version", "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)) == {"version", "python"}


def test_start_of_the_command_loads_nothing_heavy() -> None:
    code = (
        "import sys; from softswitch.cli.main import main; main(['version']);"
        "heavy = {'pydantic', 'numpy', 'numba', 'aiohttp', 'sqlite_utils', 'rich', 'asyncio'} & set(sys.modules);"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100, check=False)
    assert result.returncode == 0, result.stderr


def test_init_writes_a_file_that_check_accepts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "--address", "192.0.2.10"]) == 0
    shown = capsys.readouterr().out
    assert "shown once" in shown and "subscriber 1001" in shown and "token      admin" in shown
    assert main(["check", "--config", "softswitch.toml"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("OK\n") and "192.0.2.10:5060" in shown and "4 subscribers" in shown
    assert main(["init"]) == 1
    assert "--force" in capsys.readouterr().err


def test_init_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "other.toml", "--address", "192.0.2.10", "--realm", "r", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["path"] == "other.toml" and made["realm"] == "r" and len(made["passwords"]) == 4


def test_init_with_a_wrong_address(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "--address", "home"]) == 2
    assert "home" in capsys.readouterr().err


def test_check_tells_problems(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad.toml").write_text(BROKEN)
    assert main(["check", "--config", "bad.toml"]) == 1
    assert capsys.readouterr().err == "bad.toml:2: sip.relm: unknown key; did you mean 'realm'?\n"
    assert main(["check", "--config", "bad.toml", "--json"]) == 1
    problem = {"file": "bad.toml", "line": 2, "path": "sip.relm", "text": "unknown key", "nearest": "realm"}
    assert json.loads(capsys.readouterr().out) == {"ok": False, "problems": [problem]}


def test_check_warns_of_codecs_that_are_only_relayed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "switch.toml"
    file.write_text('[[trunk]]\nname = "peer"\nhost = "203.0.113.1"\ncodecs = ["PCMA", "G729"]\n')
    assert main(["check", "--config", str(file)]) == 0
    assert "trunk peer: G729 is only relayed" in capsys.readouterr().out


def test_check_takes_the_file_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bad.toml").write_text(BROKEN)
    assert main(["check"]) == 0
    monkeypatch.setenv("SOFTSWITCH_CONFIG", "bad.toml")
    assert main(["check"]) == 1


def test_serve_refuses_a_broken_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad.toml").write_text(BROKEN)
    assert main(["serve", "--config", "bad.toml"]) == 1
    assert "bad.toml:2: sip.relm" in capsys.readouterr().err


def test_route_tells_why(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["route", "1001", "9110"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].startswith("1. rule ") and "'e1'" in shown[0]
    assert shown[-1] == "⇒ gateway e1 (as 110)"


def test_route_of_a_refused_call_fails(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["route", "1001", "4444", "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["refused"] == {"status": 404, "reason": "Not Found"} and answer["destinations"] == []


def test_route_from_a_trunk_at_a_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "c.toml").write_text(
        '[[trunk]]\nname = "t"\nhost = "h"\n[[schedule]]\nname = "may"\ndays = "fri"\nuntil = "12:00"\n'
        '[[route]]\nname = "r"\nprefix = "1"\nto = "trunk:t"\nsource_trunk = "t"\nschedule = "may"\n'
    )
    arguments = ["route", "5", "123", "--config", "c.toml", "--trunk", "t", "--time"]
    assert main([*arguments, "2026-05-01T08:30+00:00"]) == 0, "1 May 2026 is a Friday"
    assert "⇒ trunk t (as 123)" in capsys.readouterr().out
    assert main([*arguments, "2026-05-02T08:30+00:00"]) == 1
    assert "closed by schedule 'may'" in capsys.readouterr().out
    assert main(["route", "5", "123", "--config", "c.toml", "--trunk", "x"]) == 2
    assert main(["route", "5", "123", "--time", "noon"]) == 2


def test_config_doc(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config-doc", "page.md", "--check"]) == 1
    assert main(["config-doc", "page.md", "--write"]) == 0
    assert main(["config-doc", "page.md", "--check"]) == 0
    capsys.readouterr()
    assert main(["config-doc"]) == 0
    assert capsys.readouterr().out == (tmp_path / "page.md").read_text()


@pytest.mark.parametrize("arguments", [[], ["unknown"], ["route", "1"], ["subscribers"], ["completion", "fish"]])
def test_wrong_arguments_are_exit_code_2(arguments: list[str]) -> None:
    assert main(arguments) == 2


COMPLETIONS = [
    ("softswitch st", ["status"]),
    ("softswitch subscribers pa", ["passwd"]),
    ("softswitch status --js", ["--json"]),
    ("softswitch --x", []),
    ("softswitch route --tr", ["--trunk"]),
    ("softswitch completion b", ["bash"]),
]


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not here")
@pytest.mark.parametrize(("line", "expected"), COMPLETIONS)
def test_bash_completes(line: str, expected: list[str]) -> None:
    words = line.split(" ")
    quoted = " ".join(f"'{word}'" for word in words)
    commands = (
        f"{script(build_parser())}\nCOMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; _softswitch; "
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    result = subprocess.run(["bash", "-c", commands], capture_output=True, text=True, timeout=100, check=True)
    assert [word for word in result.stdout.split("\n") if word] == expected


# --- doctor ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def quick_doctor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without loading the compiled engine, which has its own tests."""
    monkeypatch.setattr(checks, "CHECKS", tuple(check for check in checks.CHECKS if check != checks.compiled_media))


def by_subject(settings: Settings, data: Path) -> dict[str, Finding]:
    return {finding.subject: finding for finding in examine(settings, data)}


def free_port(kind: socket.SocketKind) -> int:
    """A port that was free a moment ago, outside the range where media has its place."""
    while True:
        with socket.socket(socket.AF_INET, kind) as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if not 30000 <= port <= 39999:
            return port


def with_free_ports() -> str:
    """A configuration whose ports were free a moment ago."""
    http, sip = free_port(socket.SOCK_STREAM), free_port(socket.SOCK_DGRAM)
    return f'[http]\nport = {http}\n[[sip.listen]]\nname = "u"\nport = {sip}\n'


@pytest.mark.usefixtures("quick_doctor")
def test_doctor_finds_a_taken_port_and_names_the_remedy(tmp_path: Path) -> None:
    port = free_port(socket.SOCK_DGRAM)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", port))
        finding = by_subject(loads(f'[[sip.listen]]\nname = "u"\nport = {port}'), tmp_path)["SIP udp u"]
    assert finding.verdict == "failed" and "Address already in use" in finding.sentence and "ss -lnp" in finding.remedy


@pytest.mark.usefixtures("quick_doctor")
def test_doctor_finds_an_address_of_another_machine(tmp_path: Path) -> None:
    settings = loads('[[sip.listen]]\nname = "u"\naddress = "192.0.2.77"')
    found = by_subject(settings, tmp_path)
    assert "no address of this machine" in found["SIP udp u"].sentence


@pytest.mark.usefixtures("quick_doctor")
def test_doctor_says_what_packet_threads_lack_to_run_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    finding = by_subject(loads(""), tmp_path)["real time"]
    assert finding.verdict == "warning" and "ulimit -r 1" in finding.remedy


@pytest.mark.usefixtures("quick_doctor")
def test_doctor_asks_for_nothing_when_packet_threads_shall_run_like_any_other(tmp_path: Path) -> None:
    finding = by_subject(loads('[rtp]\nrealtime = "off"'), tmp_path)["real time"]
    assert finding.verdict == "ok" and "rtp.realtime" in finding.sentence


@pytest.mark.usefixtures("quick_doctor")
def test_doctor_finds_a_damaged_database_and_certificate(tmp_path: Path) -> None:
    (tmp_path / "softswitch.db").write_bytes(b"no database" * 1000)
    (tmp_path / "tls-certificate.pem").write_text("no certificate")
    found = by_subject(embedded_defaults(), tmp_path)
    assert found["database"].verdict == "failed" and "move it away" in found["database"].remedy
    assert found["TLS tls"].verdict == "failed"


@pytest.mark.usefixtures("quick_doctor")
def test_doctor_warns_of_media_that_would_go_nowhere(tmp_path: Path) -> None:
    listener = '[[sip.listen]]\nname = "u"\naddress = "0.0.0.0"\n'
    found = by_subject(loads(f'[sip]\nadvertised_address = "198.51.100.1"\n{listener}'), tmp_path)
    assert found["address"].verdict == "warning" and "one-way audio" in found["address"].sentence
    found = by_subject(loads(listener), tmp_path)
    assert found["address"].verdict == "warning" and "sip.advertised_address" in found["address"].remedy


@pytest.mark.usefixtures("quick_doctor")
def test_doctor_reports_and_exits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "c.toml").write_text(with_free_ports())
    code = main(["doctor", "--config", "c.toml", "--json"])
    report = json.loads(capsys.readouterr().out)
    assert code == (0 if report["ok"] else 1)
    verdicts = {finding["subject"]: finding["verdict"] for finding in report["findings"]}
    assert (verdicts["HTTP"], verdicts["SIP udp u"], verdicts["libraries"]) == ("ok", "ok", "ok")
    assert all(finding["sentence"].endswith(".") for finding in report["findings"])
    assert all(finding["remedy"] for finding in report["findings"] if finding["verdict"] == "failed")


def test_check_that_breaks_is_a_finding_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(settings: Settings, data: Path) -> list[Finding]:
        raise KeyError("x")

    monkeypatch.setattr(checks, "CHECKS", (broken,))
    (finding,) = examine(embedded_defaults(), tmp_path)
    assert (finding.subject, finding.verdict) == ("broken", "failed")
