"""Subscribers, records, registrations and bans through the client, against the running switch."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from softswitch.client import ApiError, Client
from tests.api.conftest import MakePhone
from tests.api.phone import Phone
from tests.api.test_voice import newest_cdr
from tests.interop.switch import TOKEN, Switch, wait_until


@pytest.fixture
async def client(switch: Switch) -> AsyncIterator[Client]:
    """The client as administrator."""
    async with Client(f"http://127.0.0.1:{switch.plan.http}", TOKEN) as found:
        yield found


async def test_added_subscriber_registers_calls_and_is_gone_again(
    switch: Switch, client: Client, phone: MakePhone
) -> None:
    added = await client.add_subscriber("3001", display_name="New phone")
    assert added.password, "a password was made, because none was given"
    new = phone("3001", password=added.password)
    phone("1002")
    call = await client.originate("1002", "3001")
    assert new.in_call.wait(40), "the new number can be dialled at once"
    await client.disconnect(call.call_id)
    entry = await anext(aiter(client.directory("3001")))
    assert (entry.name, entry.kind) == ("New phone", "subscriber")
    await client.unregister("3001")
    assert not [each for each in await client.registrations() if each.number == "3001"]
    with pytest.raises(ApiError, match="already"):
        await client.add_subscriber("3001")
    new.register()
    await client.remove_subscriber("3001")
    assert not [each for each in await client.registrations() if each.number == "3001"], "its contacts went with it"
    with pytest.raises(AssertionError, match="not registered"):
        new.register()
    with pytest.raises(ApiError) as refused:
        await client.originate("1002", "3001")
    assert (refused.value.status, refused.value.kind) == (422, "not-callable")
    new.discard()


@pytest.mark.parametrize(
    ("members", "status"),
    [
        ({"number": "1001"}, 409),
        ({"number": "600"}, 409),
        ({"number": "3002", "class_of_service": "none such"}, 422),
        ({"number": "3 002"}, 422),
        ({"number": "3002", "password": "short"}, 422),
    ],
)
async def test_subscriber_that_cannot_be_added(client: Client, members: dict[str, str], status: int) -> None:
    with pytest.raises(ApiError) as refused:
        await client.add_subscriber(**members)
    assert refused.value.status == status
    assert "short" not in str(refused.value.problem), "a password is never repeated"


async def test_password_is_changed(client: Client, switch: Switch) -> None:
    await client.add_subscriber("3003", password="the first one")
    address = (switch.plan.address, switch.plan.sip)
    answer = await client.request("POST", "/data/subscribers/3003/password", {})
    with Phone(address, "3003", answer["password"]):
        pass
    with pytest.raises(ApiError) as refused:
        await client.request("POST", "/data/subscribers/1001/password", {})
    assert refused.value.kind == "configured"
    await client.remove_subscriber("3003")


async def test_features_act_at_once(client: Client, switch: Switch, phone: MakePhone) -> None:
    phone("1004")
    phone("1005", answer_after=None)
    other = phone("1006")
    await client.change_features("1005", forward_all="1006")
    call = await client.originate("1004", "1005")
    assert other.in_call.wait(40), "the call is forwarded"
    await client.disconnect(call.call_id)
    features = await client.change_features("1005", forward_all=None, do_not_disturb=True)
    assert (features.forward_all, features.do_not_disturb) == ("", True)
    call = await client.originate("1004", "1005")
    wait_until(lambda: other.ended.is_set(), 40, "the first call is over")
    await asyncio.to_thread(newest_cdr, switch, call.call_id)
    record = await client.cdr(call.call_id)
    assert (record.disposition, record.sip_code) == ("no_answer", 480)
    with pytest.raises(ApiError, match="itself"):
        await client.change_features("1005", forward_busy="1005")
    await client.change_features("1005", do_not_disturb=None)


async def test_records_are_paged_without_gap_or_repetition(client: Client, switch: Switch) -> None:
    for _ in range(7):
        with pytest.raises(ApiError):
            await client.originate("1016", "no-such-number")
    written = lambda: switch.get("/data/cdrs?caller=1016")["items"]  # noqa: E731
    await asyncio.to_thread(wait_until, lambda: len(written()) == 7, 40, "all seven are on record")
    every = [record.id async for record in client.cdrs(caller="1016")]
    paged: list[str] = []
    cursor = ""
    while True:
        query = {"limit": "3", "caller": "1016", **({"cursor": cursor} if cursor else {})}
        page = await client.request("GET", "/data/cdrs", query=query)
        paged += [item["id"] for item in page["items"]]
        cursor = page["next"]
        if not cursor:
            break
    assert paged == every and len(set(paged)) == len(paged) == 7
    with pytest.raises(ApiError) as refused:
        await client.request("GET", "/data/cdrs", query={"cursor": "nonsense"})
    assert refused.value.status == 422


async def test_audit_tells_who_did_what_with_which_result(client: Client, switch: Switch) -> None:
    async with Client(f"http://127.0.0.1:{switch.plan.http}", "live-viewer-token") as guest:
        assert (await guest.identity()).role == "viewer"
        with pytest.raises(ApiError) as refused:
            await guest.originate("1001", "1002")
        assert refused.value.status == 403
    noted: list[tuple[str, object]] = []
    async with asyncio.timeout(40):
        while ("POST /voice/calls", 403) not in noted:
            entries = [entry async for entry in client.audit()]
            noted = [(entry.action, entry.details.get("status")) for entry in entries if entry.actor == "guest"]
    assert noted[-1] == ("POST /voice/calls", 403)
    assert [entry.sequence for entry in entries] == sorted({entry.sequence for entry in entries})


async def test_bans_are_given_listed_and_lifted(client: Client) -> None:
    await client.ban("192.0.2.7", 600, "seen in the log")
    ban = next(ban for ban in await client.bans() if ban.host == "192.0.2.7")
    assert ban.reason == "seen in the log" and 500 < ban.seconds_left <= 600
    await client.unban("192.0.2.7")
    assert not [ban for ban in await client.bans() if ban.host == "192.0.2.7"]
    for wrong in ("192.0.2.7", "192.0.2.8"):
        with pytest.raises(ApiError) as refused:
            await client.unban(wrong)
        assert refused.value.status == 404
    with pytest.raises(ApiError):
        await client.ban("not-an-address")
