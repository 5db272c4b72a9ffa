"""Short messages over the API and SIP at a live switch: kept, delivered, cancelled, and not lost by a kill."""

from __future__ import annotations

import urllib.parse
from collections.abc import Iterator
from typing import Any

import pytest

from softswitch.client import Client
from tests.api.conftest import TOKENS, ApiPlan
from tests.interop.rawsip import Answer, RawPhone, build
from tests.interop.switch import TOKEN, Switch, password_of, wait_until

GROUP = '\n[[talkgroup]]\nnumber = "8001"\nmembers = ["1001", "1002", "1003"]\n'


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Switch]:
    """A switch of these tests alone, for one of them kills it; each speaks of numbers of its own."""
    made = Switch(ApiPlan(extra=TOKENS + GROUP), tmp_path_factory.mktemp("messages"))
    made.start()
    try:
        yield made
        made.stop()
        assert not made.faults(), f"faults in the log:\n{made.log_tail()}"
    finally:
        made.kill()


def telephone(switch: Switch, number: str) -> RawPhone:
    return RawPhone((switch.plan.address, switch.plan.sip), number, password_of(number))


def register(phone: RawPhone) -> None:
    answer = phone.register(contact=f"<sip:{phone.number}@127.0.0.1:{phone.port}>")
    assert answer.status == 200, answer.start


def receive_message(phone: RawPhone) -> Answer:
    """The next MESSAGE, which is answered 200."""
    while True:
        heard = phone.receive(40)
        if heard.start.startswith("MESSAGE "):
            names = ("Via", "From", "To", "Call-ID", "CSeq")
            phone.send(build("SIP/2.0 200 OK", [(name, value) for name in names for value in heard.all(name)]))
            return heard


def row(switch: Switch, identifier: str) -> dict[str, Any]:
    return dict(switch.get(f"/sms/messages/{urllib.parse.quote(identifier)}"))


def delivery(switch: Switch, identifier: str, number: str) -> str:
    states = {each["recipient"]: each["state"] for each in row(switch, identifier)["deliveries"]}
    return str(states[number])


def test_nothing_accepted_is_lost_by_a_kill(own: Switch) -> None:
    texts = [f"第{number}条" for number in range(5)]
    for text in texts:
        status, answer = own.http("POST", "/sms/messages", {"sender": "1001", "recipients": ["1002"], "text": text})
        assert status == 201, answer
    with telephone(own, "1001") as alice:
        for text in texts:
            to = f"<sip:1005@{own.plan.address}>"
            uri = f"sip:1005@{own.plan.address}:{own.plan.sip}"
            taken = alice.transact("MESSAGE", uri, to, body=text, content_type="text/plain;charset=utf-8")
            assert taken.status == 202, taken.start
    own.kill()
    own.start()
    for number in ("1002", "1005"):
        with telephone(own, number) as phone:
            register(phone)
            heard = [receive_message(phone) for _ in texts]
        assert [message.body for message in heard] == texts
        assert "sip:1001@" in heard[0].get("From")
        found = own.rows(f"/sms/messages?number={number}&peer=1001")
        assert [each["text"] for each in reversed(found)] == texts
    waiting = "/sms/messages?sender=1001&state=queued"
    wait_until(lambda: not own.rows(waiting), 40, "no message waits any more")


def test_a_group_and_a_list_with_the_state_of_each(own: Switch) -> None:
    with telephone(own, "1002") as bob:
        register(bob)
        status, made = own.http("POST", "/sms/messages", {"sender": "1011", "recipients": ["8001"], "text": "集合"})
        assert status == 201 and made["group"]
        assert receive_message(bob).body == "集合"
        wait_until(lambda: delivery(own, made["id"], "1002") == "delivered", 40, "1002 has it")
    assert delivery(own, made["id"], "1003") == "queued"
    events = [each for each in own.get("/events/journal?types=message.state")["items"]]
    assert {(each["recipient"], each["state"]) for each in events} >= {("1002", "delivered"), ("1003", "queued")}
    status, cancelled = own.http("DELETE", f"/sms/messages/{made['id']}")
    assert status == 200 and {each["state"] for each in cancelled["deliveries"]} == {"delivered", "cancelled"}
    assert own.http("DELETE", f"/sms/messages/{made['id']}")[0] == 409
    assert own.http("DELETE", "/sms/messages/none")[0] == 404
    talks = own.rows("/sms/conversations?number=1011")
    assert [(each["peer"], each["text"]) for each in talks] == [("8001", "集合")]


def test_what_cannot_be_sent_is_refused_with_the_field(own: Switch) -> None:
    def post(**body: Any) -> tuple[int, Any]:
        return own.http("POST", "/sms/messages", {"recipients": ["1002"], "text": "x", **body})

    status, problem = post(recipients=["1002", "471199"])
    assert status == 422 and problem["errors"][0]["field"] == "recipients.1"
    assert post(text="")[0] == 422
    assert post(recipients=[])[0] == 422
    assert post(expires_s=-1)[0] == 422


async def test_the_client_sends_reads_and_takes_back(own: Switch) -> None:
    async with Client(f"http://127.0.0.1:{own.plan.http}", TOKEN) as client:
        sent = await client.send_message(["1012"], "你好", sender="1001", key="k1")
        again = await client.send_message(["1012"], "你好", sender="1001", key="k1")
        assert sent.id == again.id, "the same key sends nothing twice"
        assert (await client.message(sent.id)).text == "你好"
        assert [each.id async for each in client.messages(number="1012")] == [sent.id]
        assert (await client.cancel_message(sent.id)).deliveries[0].state == "cancelled"
