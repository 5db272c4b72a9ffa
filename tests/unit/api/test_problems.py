"""Answers in spite of what is nobody's mistake: a client that went away, octets of a peer that are no UTF-8."""

from __future__ import annotations

import logging
from unittest.mock import Mock

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from softswitch.api.operations import json_response
from softswitch.api.problems import CLIENT_GONE, problem_middleware


async def broken_pipe(request: web.Request) -> web.StreamResponse:
    """A handler that finds its connection closed."""
    raise ConnectionResetError("Cannot write to closing transport")


@pytest.mark.parametrize(("closing", "status"), [(True, CLIENT_GONE), (False, 500)])
async def test_a_client_that_went_away_is_no_failure_of_the_switch(
    closing: bool, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    transport = Mock()
    transport.is_closing.return_value = closing
    request = make_mocked_request("GET", "/api/v1/events", transport=transport)
    with caplog.at_level(logging.ERROR):
        response = await problem_middleware(request, broken_pipe)
    assert response.status == status
    assert bool(caplog.records) is not closing, "a failure towards a client that is still there is logged, no other"


def test_octets_of_a_peer_that_were_no_utf8_do_not_spoil_an_answer() -> None:
    assert json_response({"reference": "a\udceb@王"}).body == '{"reference": "a?@王"}'.encode()
