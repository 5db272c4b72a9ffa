"""Digest authentication: published vectors, the asking side, nonces, the answering side."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.sip.digest import (
    MD5,
    SHA256,
    SHA512_256,
    Authenticator,
    HA1s,
    Nonces,
    Rejected,
    Verified,
    answer_challenge,
    digest_hash,
    digest_response,
    ha1,
)
from softswitch.sip.errors import LocalProtocolError, ProtocolError
from softswitch.sip.headers import Challenge, Credentials
from softswitch.sip.message import Request

SECRET = b"a secret of some length"
USERS = {"1001": HA1s.of("1001", "softswitch", "demo-1001"), "md5only": HA1s(md5=ha1("md5only", "softswitch", "p"))}
URI = "sip:softswitch"


def authenticator(**options: object) -> Authenticator:
    return Authenticator("softswitch", Nonces(SECRET, lifetime=60.0), **options)  # type: ignore[arg-type]


def answer(
    challenges: list[str], user: str = "1001", password: str = "demo-1001", nc: int = 1, cnonce: str = "c"
) -> str:
    return answer_challenge(challenges, "REGISTER", URI, user, password, cnonce=cnonce, nc=nc)


def verify(asker: Authenticator, credentials: str | None, now: float = 1.0) -> Verified | Rejected:
    return asker.verify("REGISTER", credentials, USERS.get, now)


# -- vectors


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        (MD5, "8ca523f5e9506fed4657c9700eebdbec"),
        (SHA256, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_rfc_7616_section_3_9_1(algorithm: str, response: str) -> None:
    secret = ha1("Mufasa", "http-auth@example.org", "Circle of Life", algorithm)
    assert response == digest_response(
        algorithm, secret, "GET", "/dir/index.html", "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
        qop="auth", nc="00000001", cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
    )  # fmt: skip


def test_rfc_7616_section_3_9_1_as_a_client() -> None:
    challenges = [
        'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=SHA-256, '
        'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"',
        'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=MD5, '
        'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"',
    ]
    text = answer_challenge(
        challenges, "GET", "/dir/index.html", "Mufasa", "Circle of Life",
        cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
    )  # fmt: skip
    given_back = dict(Credentials.parse(text).params)
    assert given_back["response"] == "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"
    assert given_back["opaque"] == "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"
    assert (given_back["algorithm"], given_back["qop"], given_back["nc"]) == ("SHA-256", "auth", "00000001")


def test_rfc_7616_section_3_9_2_with_its_erratum() -> None:
    """SHA-512-256 and a hashed user name beyond ASCII; values as corrected by erratum 4897."""
    challenge = (
        'Digest realm="api@example.org", qop="auth", algorithm=SHA-512-256, '
        'nonce="5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK", '
        'opaque="HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDnsOS", charset=UTF-8, userhash=true'
    )
    text = answer_challenge(
        [challenge], "GET", "/doe.json", "J\u00e4s\u00f8n Doe", "Secret, or not?",
        cnonce="NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v",
    )  # fmt: skip
    given_back = dict(Credentials.parse(text).params)
    assert given_back["username"] == "793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b"
    assert given_back["response"] == "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5"
    assert given_back["userhash"] == "true"


def test_rfc_2617_section_3_5() -> None:
    secret = ha1("Mufasa", "testrealm@host.com", "Circle Of Life")
    assert secret == "939e7578ed9e3c518a452acee763bce9"
    nonce = "dcd98b7102dd2f0e8b11d0f600bfb0c093"
    assert (
        digest_response(MD5, secret, "GET", "/dir/index.html", nonce, qop="auth", nc="00000001", cnonce="0a4f113b")
        == "6629fae49393a05397450978507c4ef1"
    )
    assert digest_response(MD5, secret, "GET", "/dir/index.html", nonce) == "670fd8c2df070c60b045671b8b24ff02"


def test_hashes() -> None:
    assert digest_hash(MD5, "") == "d41d8cd98f00b204e9800998ecf8427e"
    assert digest_hash(SHA256, b"abc").startswith("ba7816bf")
    assert digest_hash(SHA512_256, "abc").startswith("53048e26")
    assert HA1s.of("u", "r", "p").get(SHA512_256) == ha1("u", "r", "p", SHA512_256)


# -- asking


def test_one_challenge_per_algorithm_strongest_first() -> None:
    values = [Challenge.parse(value) for value in authenticator(opaque="o").challenge(0.0)]
    assert [value.param("algorithm") for value in values] == ["SHA-256", "MD5"]
    assert {value.param("realm") for value in values} == {"softswitch"}
    assert {value.param("qop") for value in values} == {"auth"}
    assert {value.param("stale") for value in values} == {None}
    assert {value.param("opaque") for value in values} == {"o"}
    stale = authenticator(algorithms=(SHA512_256,)).challenge(0.0, stale=True)
    assert [Challenge.parse(value).param("stale") for value in stale] == ["true"]


@pytest.mark.parametrize("algorithms", [(SHA256,), (MD5,), (SHA512_256,), (SHA256, MD5), (SHA512_256, SHA256, MD5)])
def test_right_credentials_are_verified(algorithms: tuple[str, ...]) -> None:
    asker = authenticator(algorithms=algorithms)
    assert verify(asker, answer(asker.challenge(0.0))) == Verified("1001")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda text: None, "missing"),
        (lambda text: "Basic YWxhZGRpbg==", "missing"),
        (lambda text: "NoOneKnowsThisScheme opaque-data=here", "missing"),
        (lambda text: 'Digest username="x', "malformed"),
        (lambda text: text.replace('realm="softswitch"', 'realm="other"'), "realm"),
        (lambda text: text.replace("SHA-256", "SHA-1"), "algorithm"),
        (lambda text: text.replace("SHA-256", "MD5-sess"), "algorithm"),
        (lambda text: text.replace("qop=auth", "qop=auth-int"), "qop"),
        (lambda text: text.replace("nc=00000001", "nc=0"), "qop"),
        (lambda text: text.replace("nc=00000001", "nc=xyz"), "qop"),
        (lambda text: text.replace("nc=00000001", "nc=00000000001"), "qop"),
        (lambda text: text.replace("cnonce", "dnonce"), "qop"),
        (lambda text: text.replace(", qop=auth", ""), "qop"),
        (lambda text: text.replace("uri=", "url="), "malformed"),
        (lambda text: text.replace('username="1001"', 'username=""'), "malformed"),
        (lambda text: text.replace("1001", "9999"), "response"),
        (lambda text: text.replace("nc=00000001", "nc=00000002"), "response"),
        (lambda text: text.replace('uri="sip:', 'uri="sips:'), "response"),
        (lambda text: text.replace('response="', 'response="0'), "response"),
        (lambda text: text.replace('response="', 'response="\u0664'), "response"),
    ],
)
def test_wrong_credentials_are_rejected(change: Callable[[str], str | None], reason: str) -> None:
    asker = authenticator()
    verdict = verify(asker, change(answer(asker.challenge(0.0))))
    assert isinstance(verdict, Rejected)
    assert (verdict.reason, verdict.stale) == (reason, False)


def test_another_method_is_another_response() -> None:
    asker = authenticator()
    verdict = asker.verify("INVITE", answer(asker.challenge(0.0)), USERS.get, 1.0)
    assert verdict == Rejected(False, "response", "1001")


def test_quoting_habits_of_phones_are_understood() -> None:
    asker = authenticator()
    text = answer(asker.challenge(0.0))
    for change in (
        text.replace("qop=auth", 'qop="auth"'),
        text.replace("algorithm=SHA-256", 'algorithm="sha-256"'),
        text.replace("nc=00000001", 'nc="00000001"'),
        text.replace(", ", ","),
        text.replace(", ", " ,\t"),
        text.replace("Digest ", "DIGEST   "),
        text.replace("username", "UserName"),
        text + ",",
    ):
        fresh = authenticator()
        assert verify(fresh, change) == Verified("1001"), change


def test_an_unknown_user_is_told_the_same_as_a_wrong_password_and_costs_the_same() -> None:
    asker = authenticator()
    hashes: list[int] = []
    for user, password in (("nobody", "x"), ("1001", "x"), ("md5only", "p")):
        looked_up: list[str] = []

        def lookup(name: str, into: list[str] = looked_up) -> HA1s | None:
            into.append(name)
            return USERS.get(name)

        verdict = asker.verify("REGISTER", answer(asker.challenge(0.0), user, password), lookup, 1.0)
        assert verdict == Rejected(False, "response", user)
        hashes.append(len(looked_up))
    assert hashes == [1, 1, 1]


def test_a_user_without_a_hash_for_the_algorithm_cannot_be_guessed_by_the_dummy() -> None:
    """The stand-in secret of unknown users must never open anything."""
    asker = authenticator()
    assert isinstance(verify(asker, answer(asker.challenge(0.0), "", "no such user")), Rejected)
    assert isinstance(verify(asker, answer(asker.challenge(0.0), "nobody", "no such user")), Rejected)


def test_a_user_known_by_md5_only_is_verified_by_md5() -> None:
    asker = authenticator()
    md5 = [value for value in asker.challenge(0.0) if "MD5" in value]
    assert verify(asker, answer(md5, "md5only", "p")) == Verified("md5only")


def test_without_qop_only_when_allowed_and_only_once() -> None:
    for allowed in (False, True):
        asker = authenticator(allow_without_qop=allowed)
        challenges = [value.replace(', qop="auth"', "") for value in asker.challenge(0.0)]
        text = answer(challenges)
        assert "qop" not in text and "nc=" not in text
        first = verify(asker, text)
        assert first == (Verified("1001") if allowed else Rejected(False, "qop", "1001"))
        if allowed:
            assert verify(asker, text) == Rejected(True, "replayed", "1001")


def test_a_request_may_carry_credentials_of_several_realms() -> None:
    asker = authenticator()
    request = Request("REGISTER", URI)
    assert asker.verify_message("REGISTER", request, USERS.get, 1.0) == Rejected(False, "missing")
    request.add("Authorization", 'Digest username="a", realm="elsewhere", nonce="n", uri="u", response="r"')
    request.add("Authorization", "garbage")
    assert isinstance(asker.verify_message("REGISTER", request, USERS.get, 1.0), Rejected)
    request.add("Proxy-Authorization", answer(asker.challenge(0.0)))
    assert asker.verify_message("REGISTER", request, USERS.get, 1.0) == Verified("1001")


# -- nonces


def test_a_nonce_expires_and_the_answer_says_stale() -> None:
    asker = authenticator()
    text = answer(asker.challenge(0.0))
    assert verify(asker, text, now=60.1) == Rejected(True, "expired", "1001")


def test_a_foreign_nonce_with_a_right_password_is_stale() -> None:
    """After a restart phones come with nonces of the life before."""
    asker = authenticator()
    other = Authenticator("softswitch", Nonces(b"another secret, 16+"))
    assert verify(asker, answer(other.challenge(0.0))) == Rejected(True, "nonce", "1001")
    assert verify(asker, answer(other.challenge(0.0), password="wrong")) == Rejected(False, "response", "1001")


@pytest.mark.parametrize("nonce", ["", ".", "..", "x.y.z", "0.1." + "0" * 32, "\udcff", "é"])
def test_forged_nonces(nonce: str) -> None:
    assert Nonces(SECRET).use(nonce, 1, 0.0) == "nonce"


def test_each_count_is_good_once() -> None:
    nonces = Nonces(SECRET)
    nonce = nonces.issue(0.0)
    assert [nonces.use(nonce, count, 1.0) for count in (1, 1, 2, 4, 3, 3, 4, 90, 26, 27, 27, 5)] == [
        "", "replayed", "", "", "", "replayed", "replayed", "", "replayed", "", "replayed", "replayed",
    ]  # fmt: skip


@given(st.lists(st.integers(1, 200), max_size=300))
def test_no_count_is_ever_accepted_twice(counts: list[int]) -> None:
    nonces = Nonces(SECRET)
    nonce = nonces.issue(0.0)
    accepted = [count for count in counts if nonces.use(nonce, count, 0.0) == ""]
    assert len(accepted) == len(set(accepted))


def test_rising_counts_are_always_accepted() -> None:
    nonces = Nonces(SECRET)
    nonce = nonces.issue(0.0)
    assert {nonces.use(nonce, count, 0.0) for count in range(1, 500, 7)} == {""}


def test_nonces_are_unique_and_cost_no_memory_until_answered() -> None:
    nonces = Nonces(SECRET)
    assert len({nonces.issue(5.0) for _ in range(1000)}) == 1000
    assert len(nonces) == 0


def test_memory_is_bounded_and_forgetting_allows_no_replay() -> None:
    nonces = Nonces(SECRET, lifetime=1000.0, capacity=10)
    old = [nonces.issue(float(number)) for number in range(50)]
    assert [nonces.use(nonce, 1, 50.0) for nonce in old] == [""] * 50
    assert len(nonces) == 10
    assert {nonces.use(nonce, 1, 50.0) for nonce in old} == {"expired", "replayed"}
    assert nonces.use(nonces.issue(51.0), 1, 51.0) == "", "new ones work on"


def test_expired_nonces_leave_the_table() -> None:
    nonces = Nonces(SECRET, lifetime=10.0)
    for number in range(100):
        nonces.use(nonces.issue(float(number)), 1, float(number))
    assert len(nonces) <= 12


def test_a_short_secret_is_our_own_mistake() -> None:
    with pytest.raises(LocalProtocolError):
        Nonces(b"short")
    with pytest.raises(LocalProtocolError):
        authenticator(algorithms=("SHA-1",))
    with pytest.raises(LocalProtocolError):
        authenticator(algorithms=())


# -- answering


def test_the_first_challenge_that_can_be_answered_is() -> None:
    challenges = [
        'Digest realm="r", nonce="n", algorithm=SHA-1',
        "Digest realm",
        'Basic realm="r"',
        'Digest realm="r", nonce="n", qop="token"',
        'Digest realm="r", nonce="n", algorithm=SHA-256, qop="auth"',
        'Digest realm="r", nonce="n", algorithm=MD5, qop="auth"',
    ]
    assert Credentials.parse(answer(challenges)).param("algorithm") == "SHA-256"
    only_md5 = answer_challenge(challenges, "REGISTER", URI, "u", HA1s(md5="0" * 32), cnonce="c")
    assert Credentials.parse(only_md5).param("algorithm") == "MD5"
    with pytest.raises(ProtocolError):
        answer(challenges[:4])
    with pytest.raises(ProtocolError):
        answer([])


def test_ha1_answers_like_the_password() -> None:
    challenge = ['Digest realm="softswitch", nonce="n", qop="auth", algorithm=SHA-256']
    assert answer(challenge) == answer_challenge(challenge, "REGISTER", URI, "1001", USERS["1001"], cnonce="c")


def test_body_protection_and_session_keys_are_answered_when_asked_for() -> None:
    text = answer_challenge(
        ['Digest realm="r", nonce="n", qop="auth-int", algorithm=MD5-sess'],
        "INVITE",
        URI,
        "u",
        "p",
        cnonce="c",
        nc=2,
        body=b"x",
    )
    fields = dict(Credentials.parse(text).params)
    assert (fields["qop"], fields["algorithm"], fields["nc"]) == ("auth-int", "MD5-sess", "00000002")
    inner = digest_hash(MD5, f"{ha1('u', 'r', 'p')}:n:c")
    ha2 = digest_hash(MD5, f"INVITE:{URI}:{digest_hash(MD5, b'x')}")
    assert fields["response"] == digest_hash(MD5, f"{inner}:n:00000002:c:auth-int:{ha2}")


def test_a_challenge_of_the_old_kind_is_answered_the_old_way() -> None:
    text = answer(['Digest realm="r", nonce="n"'])
    assert Credentials.parse(text).params[-1][0] == "response", "no algorithm, qop, nc or cnonce"


@given(st.text(max_size=40))
def test_any_credentials_are_judged(text: str) -> None:
    assert isinstance(verify(authenticator(), text), Rejected)
    assert isinstance(verify(authenticator(), "Digest " + text), Rejected)
