"""Every fault of a configuration is told with file, line, key and the nearest valid name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from softswitch.config import ConfigError, Settings, load, loads

LISTENER = '[[sip.listen]]\nname = "udp"\n'
SUBSCRIBER = '[[subscriber]]\nnumber = "2001"\npassword = "correct horse"\n'


def refusal(text: str, directory: Path | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        loads(text, file="x.toml", directory=directory)
    return [str(problem) for problem in caught.value.problems]


FAULTS = [
    ("unknown section", "[sipp]\nrealm = 'x'", "x.toml:1: sipp: unknown key; did you mean 'sip'?"),
    ("unknown key", "[sip]\n\nrelm = 'x'", "x.toml:3: sip.relm: unknown key; did you mean 'realm'?"),
    ("unknown key without a neighbour", "[sip]\nzzzzzz = 1", "x.toml:2: sip.zzzzzz: unknown key"),
    ("text for integer", "[sip]\nmax_forwards = '7'", "x.toml:2: sip.max_forwards: should be a valid integer, not '7'"),
    (
        "switch for integer",
        "[sip]\nmax_forwards = true",
        "x.toml:2: sip.max_forwards: should be a valid integer, not a switch true",
    ),
    (
        "too large",
        "[rtp]\nfirst_port = 70000",
        "x.toml:2: rtp.first_port: should be less than or equal to 65534, not a number 70000",
    ),
    (
        "word that is none",
        "[storage]\ndurability = 'ful'",
        "x.toml:2: storage.durability: must be 'full' or 'batch', not 'ful'; did you mean 'full'?",
    ),
    (
        "keys for media that shall have none",
        '[[trunk]]\nname = "t"\nhost = "h"\nsrtp = "forbidden"\nsrtp_keying = "dtls"',
        "x.toml:1: trunk[0]: srtp_keying",
    ),
    ("missing key", "[[service]]\nkind = 'echo'", "x.toml:1: service[0].number: is missing"),
    ("syntax", "[sip]\nrealm = \n", "x.toml:2: is not TOML: invalid value"),
    ("syntax at the end", "[sip", "x.toml:1: is not TOML: expected ']' at the end of a table declaration"),
    (
        "second of two tables",
        "[[service]]\nnumber = '1'\nkind = 'echo'\n\n[[service]]\nnumber = '2'\nkind = 'ecko'",
        "x.toml:7: service[1].kind: must be 'echo', 'tone', 'announcement', 'park', 'pickup', 'queue_login' or "
        "'queue_logout', not 'ecko'; "
        "did you mean 'echo'?",
    ),
    (
        "element of a list over several lines",
        '[[trunk]]\nname = "t"\nhost = "h"\ncodecs = [\n  "PCMA",\n  "PCMX",\n]',
        "x.toml:6: trunk[0].codecs[1]: must be",
    ),
    (
        "route to a trunk that is not there",
        '[[trunk]]\nname = "pstn"\nhost = "h"\n[[route]]\nname = "r"\nprefix = "0"\nto = "trunk:pstm"',
        "x.toml:7: route[0].to: there is no trunk 'pstm'; did you mean 'pstn'?",
    ),
    (
        "second trunk of a failover list",
        '[[trunk]]\nname = "pstn"\nhost = "h"\n[[route]]\nname = "r"\nprefix = "0"\nto = "trunk:pstn,other"',
        "x.toml:7: route[0].to: there is no trunk 'other'",
    ),
    (
        "route to no hunt group",
        '[[route]]\nname = "r"\nprefix = "0"\nto = "hunt:sales"',
        "x.toml:4: route[0].to: there is no hunt group 'sales'",
    ),
    (
        "route to no service",
        '[[service]]\nnumber = "600"\nkind = "echo"\n[[route]]\nname = "r"\nprefix = "0"\nto = "service:601"',
        "x.toml:7: route[0].to: there is no service '601'; did you mean '600'?",
    ),
    (
        "route to an unknown gateway",
        '[[route]]\nname = "r"\nprefix = "0"\nto = "gateway:e2"',
        "x.toml:4: route[0].to: there is no gateway 'e2'; did you mean 'e1'?",
    ),
    (
        "destination of no kind",
        '[[route]]\nname = "r"\nprefix = "0"\nto = "trunc:x"',
        "x.toml:4: route[0].to: unknown destination 'trunc'",
    ),
    (
        "route with a class that is not there",
        '[[route]]\nname = "r"\nprefix = "0"\nto = "subscriber"\ncaller_class = "x"',
        "x.toml:5: route[0].caller_class: there is no class of service 'x'",
    ),
    (
        "route with a schedule that is not there",
        '[[route]]\nname = "r"\nprefix = "0"\nto = "subscriber"\nschedule = "x"',
        "x.toml:5: route[0].schedule: there is no schedule 'x'",
    ),
    (
        "route that matches by two means",
        '[[route]]\nname = "r"\nprefix = "0"\npattern = "1X"\nto = "subscriber"',
        "x.toml:1: route[0]: give exactly one of prefix and pattern",
    ),
    (
        "pattern that cannot be read",
        '[[route]]\nname = "r"\npattern = "1["\nto = "subscriber"',
        "x.toml:3: route[0].pattern: pattern '1[': '[' without ']'",
    ),
    (
        "trunk at a listener that is not there",
        LISTENER + '[[trunk]]\nname = "t"\nhost = "h"\nlistener = "udq"',
        "x.toml:6: trunk[0].listener: there is no listener 'udq'; did you mean 'udp'?",
    ),
    (
        "trunk at a listener of another transport",
        LISTENER + '[[trunk]]\nname = "t"\nhost = "h"\ntransport = "tcp"\nlistener = "udp"',
        "x.toml:7: trunk[0].listener: listener 'udp' speaks udp, but the trunk's transport is tcp",
    ),
    (
        "trunk that nothing can use",
        '[[trunk]]\nname = "t"',
        "x.toml:1: trunk[0]: host or addresses is needed, or no call can come or go",
    ),
    (
        "member of a hunt group that is nobody",
        SUBSCRIBER + '[[hunt_group]]\nname = "g"\nmembers = ["2001",\n"2002"]',
        "x.toml:7: hunt_group[0].members[1]: nothing has the number '2002'; did you mean '2001'?",
    ),
    (
        "subscriber of a class that is not there",
        SUBSCRIBER + 'class_of_service = "offic"\n[[class_of_service]]\nname = "office"',
        "x.toml:4: subscriber[0].class_of_service: there is no class of service 'offic'; did you mean 'office'?",
    ),
    (
        "number twice",
        SUBSCRIBER + '[[service]]\nnumber = "2001"\nkind = "echo"',
        "x.toml:5: service[0].number: '2001' is already taken by a subscriber",
    ),
    (
        "name twice",
        '[[schedule]]\nname = "s"\n[[schedule]]\nname = "s"',
        "x.toml:4: schedule[1].name: 's' is already taken by a schedule",
    ),
    (
        "port twice",
        LISTENER + '[[sip.listen]]\nname = "b"\n',
        "x.toml:3: sip.listen[1]: listener 'b' and listener 'udp' both want udp port 5060 of 127.0.0.1",
    ),
    (
        "port twice, once for every address",
        LISTENER + '[[sip.listen]]\nname = "b"\naddress = "0.0.0.0"\n',
        "x.toml:3: sip.listen[1]: listener 'b' and listener 'udp' both want udp port 5060 of 0.0.0.0",
    ),
    (
        "port of HTTP taken by SIP",
        '[[sip.listen]]\nname = "t"\ntransport = "tcp"\nport = 8080\n[http]\nport = 8080',
        "x.toml:6: http.port: the HTTP interface and listener 't' both want tcp port 8080 of 127.0.0.1",
    ),
    (
        "SIP port among those of media",
        LISTENER + "port = 30010",
        "x.toml:1: sip.listen[0]: listener 'udp' uses port 30010 inside the media range 30000–39999",
    ),
    (
        "TLS without certificate",
        '[[sip.listen]]\nname = "s"\ntransport = "tls"\nport = 5061',
        "x.toml:1: sip.listen[0]: a tls listener needs certificate (a PEM file, or 'self-signed')",
    ),
    (
        "certificate that is not there",
        '[[sip.listen]]\nname = "s"\ntransport = "tls"\nport = 5061\ncertificate = "none"\nprivate_key = "none"',
        "x.toml:5: sip.listen[0].certificate: there is no file",
    ),
    (
        "demo password on a real address",
        '[[sip.listen]]\nname = "u"\naddress = "192.0.2.1"\n[[subscriber]]\nnumber = "1001"\npassword = "demo-1001"',
        "x.toml:6: subscriber[0].password: the demo password is refused because listener 'u' on 192.0.2.1 "
        "can be reached from outside this machine",
    ),
    (
        "demo token on a real address",
        '[http]\naddress = "0.0.0.0"\n[[http.token]]\nname = "t"\ntoken = "demo-viewer"',
        "x.toml:5: http.token[0].token: a demo token is refused because the HTTP interface on 0.0.0.0 "
        "can be reached from outside this machine",
    ),
    (
        "no authentication on a real address",
        '[security]\nauthentication = false\n[[sip.listen]]\nname = "u"\naddress = "::"',
        "x.toml:2: security.authentication: authentication can be off on loopback only",
    ),
    ("subscriber without password", '[[subscriber]]\nnumber = "1"', "x.toml:1: subscriber[0]: a password, or ha1_md5"),
    (
        "half a certificate",
        '[http]\ncertificate = "self-signd"',
        "x.toml:1: http: certificate and private_key go together",
    ),
    (
        "day that is none",
        '[[schedule]]\nname = "s"\ndays = ["mon", "fry"]',
        "x.toml:3: schedule[0].days[1]: 'fry' is no day such as mon",
    ),
    (
        "time that is none",
        '[[schedule]]\nname = "s"\nfrom = "25:00"',
        "x.toml:3: schedule[0].from: '25:00' is not a time of day",
    ),
    (
        "zone that is none",
        '[[schedule]]\nname = "s"\ntimezone = "Mars/Base"',
        "x.toml:1: schedule[0]: unknown time zone 'Mars/Base'",
    ),
    ("table for a list", '[subscriber]\nnumber = "1"', "x.toml:1: subscriber: should be a valid tuple, not a table"),
]


@pytest.mark.parametrize(("text", "expected"), [row[1:] for row in FAULTS], ids=[row[0] for row in FAULTS])
def test_fault_is_told_with_line_key_and_nearest_name(text: str, expected: str, tmp_path: Path) -> None:
    found = refusal(text, tmp_path)
    assert any(problem.startswith(expected) for problem in found), f"expected {expected!r} among {found}"


def test_all_problems_are_told_at_once_in_the_order_of_the_file() -> None:
    text = '[sip]\nrelm = "x"\n[rtp]\nfirst_port = "y"\n[[route]]\nname = "r"\nprefix = "1"\nto = "trunk:none"\n'
    found = refusal(text)
    assert [problem.split(" ")[0] for problem in found] == ["x.toml:2:", "x.toml:4:", "x.toml:8:"]


def test_wrong_secret_is_not_repeated_in_the_message() -> None:
    found = refusal('[[subscriber]]\nnumber = "1"\nha1_md5 = "5e884898da28047151d0e56f8dc62927"\nha1_sha256 = 12345678')
    assert "12345678" not in " ".join(found), "a secret must not be shown"


def test_missing_file_is_a_problem_and_no_crash(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load(tmp_path / "none.toml")


def test_file_that_is_not_text_names_the_line(tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_bytes(b"[sip]\nrealm = '\xff'\n")
    with pytest.raises(ConfigError, match=r"x\.toml:2: is not UTF-8 text"):
        load(file)


def test_loaded_settings_remember_their_file(tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_text("[sip]\nrealm = 'example.com'\n")
    settings = load(file)
    assert settings.file == file and settings.sip.realm == "example.com"


def test_empty_file_is_a_loopback_switch() -> None:
    settings = loads("")
    assert settings.loopback_only and [listen.transport for listen in settings.sip.listen] == ["udp", "tcp"]


def test_password_becomes_hashes_and_is_forgotten() -> None:
    subscriber = loads('[sip]\nrealm = "r"\n[[subscriber]]\nnumber = "1"\npassword = "longpass"').subscriber[0]
    assert subscriber.password is None
    assert subscriber.ha1_md5 == "64d535d1d092b063db3feb0d9525ca07", "MD5 of 1:r:longpass"
    assert subscriber.ha1_sha256 == "fe28676a346c938dc64a9b42237071350a3045fe31ac8aa17603a69cb59dd02d"


def test_secrets_do_not_show_in_text_forms() -> None:
    settings = loads(
        '[hep]\npassword = "hep-secret"\n[[trunk]]\nname = "t"\nhost = "h"\nusername = "u"\npassword = "trunk-secret"\n'
        '[[subscriber]]\nnumber = "1"\npassword = "phone-secret"\n[[http.token]]\nname = "a"\ntoken = "token-secret"\n'
    )
    shown = repr(settings) + str(settings)
    secrets = ["hep-secret", "trunk-secret", "phone-secret", "token-secret", str(settings.subscriber[0].ha1_md5)]
    assert [secret for secret in secrets if secret in shown] == []


def test_secret_by_file_and_by_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret").write_text("from the file\n")
    monkeypatch.setitem(os.environ, "SOME_SECRET", "from the environment")
    settings = loads(
        '[hep]\npassword = "file:secret"\n[[conference]]\nnumber = "7"\npin = "env:SOME_SECRET"', directory=tmp_path
    )
    assert settings.hep.password is not None and settings.hep.password.get_secret_value() == "from the file"
    pin = settings.conference[0].pin
    assert pin is not None and pin.get_secret_value() == "from the environment"


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("file:none", "cannot read the secret from"),
        ("env:NOT_SET_ANYWHERE", "environment variable NOT_SET_ANYWHERE is not"),
    ],
)
def test_secret_that_is_not_there_is_told(reference: str, expected: str, tmp_path: Path) -> None:
    found = refusal(f'[hep]\npassword = "{reference}"', tmp_path)
    assert found[0].startswith("x.toml:2: hep.password: ") and expected in found[0]


def test_hunt_group_may_ring_a_number_that_a_route_takes() -> None:
    text = '[[trunk]]\nname = "t"\nhost = "h"\n[[route]]\nname = "out"\nprefix = "0"\nto = "trunk:t"\n'
    settings = loads(text + '[[hunt_group]]\nname = "g"\nmembers = ["0123"]')
    assert settings.hunt_group[0].members == ("0123",)


def test_settings_cannot_be_changed() -> None:
    settings = Settings()
    with pytest.raises(ValueError, match="frozen"):
        settings.sip.realm = "other"
