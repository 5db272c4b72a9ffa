"""The conversation with a process beside the switch: neither side may wait for the other to read."""

from __future__ import annotations

import socket
import threading

import pytest

from softswitch.media.workers import channel
from softswitch.media.workers.questions import Questions

_QUESTIONS = 60
_NOTICE = "x" * 20_000


@pytest.fixture
def ends():
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in (ours, theirs):
        channel.prepare(end, 30.0)
    yield ours, theirs
    ours.close()
    theirs.close()


def _talk_much(end: socket.socket, complaints: list[OSError]) -> None:
    """Answer every question, after a notice that is longer than it."""
    try:
        while (received := channel.receive(end)) is not None:
            channel.send(end, {"service": "parrot", "notice": {"text": _NOTICE}})
            channel.send(end, {"id": received[0]["id"], "reply": received[0]["request"]})
    except OSError as error:
        complaints.append(error)


def test_many_questions_at_once_to_one_who_has_much_to_say(ends):
    """As when another recorder is told of a hundred recordings, and reports each of them."""
    ours, theirs = ends
    complaints: list[OSError] = []
    other = threading.Thread(target=_talk_much, args=(theirs, complaints))
    other.start()
    questions = Questions(ours, "the parrot")
    answers: list[dict[str, object]] = []
    for number in range(_QUESTIONS):
        questions.ask("parrot", {"number": number, "padding": "y" * 10_000}, answers.append)
    notices = []
    while len(answers) < _QUESTIONS and other.is_alive():
        notices += [notice["text"] for _, notice in questions.replies()]
    ours.shutdown(socket.SHUT_RDWR)
    other.join()
    assert not complaints, f"the other side waited for us in vain: {complaints}"
    assert [answer.get("number") for answer in answers] == list(range(_QUESTIONS)), "every question has its answer"
    assert notices == [_NOTICE] * _QUESTIONS, "and nothing that was said meanwhile is lost"


def test_who_has_ended_answers_with_an_error(ends):
    ours, theirs = ends
    theirs.close()
    answers: list[dict[str, object]] = []
    Questions(ours, "the parrot").ask("parrot", {}, answers.append)
    assert "the parrot" in str(answers[0]["error"])
