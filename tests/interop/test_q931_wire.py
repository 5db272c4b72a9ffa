"""tshark reads our LAPD and Q.931: every message, every element, nothing malformed, and the same values."""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from gateways.e1.call_transfer import EXPLICIT_EXECUTE, LINK_ID_REQUEST
from gateways.e1.q921 import Side
from gateways.e1.q921.frame import Frame
from gateways.e1.q921.frame import Kind as FrameKind
from gateways.e1.q931 import Cause, ChannelId, Kind, Message, PartyNumber, Setup, rose
from gateways.e1.q931.elements import INBAND, SPEECH, ElementId, Progress, Text, UserUser

pytestmark = pytest.mark.needs("tshark")
LINUX_LAPD = 177

CHANNEL = {int(ElementId.CHANNEL_ID): ChannelId((17,), exclusive=True)}
CAUSE = {int(ElementId.CAUSE): Cause(17)}
SETUP = Setup(
    PartyNumber("97000017", 0, 1),
    PartyNumber("8110", 0, 1, presentation=0, screening=3),
    SPEECH,
    display="调度台",
    redirecting=PartyNumber("8000", 0, 1, presentation=0, reason=15),
    user_user=UserUser(4, b"floor"),
    progress=(Progress(3),),
)
MESSAGES: dict[Kind, dict[int, Any]] = {
    Kind.SETUP: SETUP.elements() | CHANNEL,
    Kind.SETUP_ACKNOWLEDGE: CHANNEL | {int(ElementId.PROGRESS): INBAND},
    Kind.INFORMATION: {ElementId.CALLED_NUMBER: PartyNumber("0"), ElementId.SENDING_COMPLETE: True},
    Kind.CALL_PROCEEDING: CHANNEL,
    Kind.PROGRESS: {ElementId.PROGRESS: (Progress(1), INBAND), ElementId.CAUSE: Cause(17)},
    Kind.ALERTING: {ElementId.PROGRESS: INBAND, ElementId.USER_USER: UserUser(4, b"rings")},
    Kind.CONNECT: {ElementId.CONNECTED_NUMBER: PartyNumber("8111", 0, 1, 0, 1), ElementId.DISPLAY: Text("Duty")},
    Kind.CONNECT_ACKNOWLEDGE: {},
    Kind.NOTIFY: {ElementId.NOTIFICATION: 0x79},
    Kind.HOLD: {},
    Kind.HOLD_ACKNOWLEDGE: {},
    Kind.HOLD_REJECT: CAUSE,
    Kind.RETRIEVE: {},
    Kind.RETRIEVE_ACKNOWLEDGE: {},
    Kind.RETRIEVE_REJECT: CAUSE,
    Kind.USER_INFORMATION: {ElementId.USER_USER: UserUser(4, b"request")},
    Kind.DISCONNECT: CAUSE | {int(ElementId.PROGRESS): INBAND},
    Kind.RELEASE: CAUSE,
    Kind.RELEASE_COMPLETE: CAUSE,
    Kind.RESTART: CHANNEL | {int(ElementId.RESTART_INDICATOR): 0},
    Kind.RESTART_ACKNOWLEDGE: {ElementId.RESTART_INDICATOR: 6},
    Kind.STATUS: {ElementId.CAUSE: Cause(98, diagnostic=b"\x07"), ElementId.CALL_STATE: 10},
    Kind.STATUS_ENQUIRY: {},
    Kind.FACILITY: {},
}


def write_pcap(path: Path, frames: Iterable[bytes]) -> None:
    """Frames that the user sends, as a capture of LAPD with the pseudo header of Linux."""
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, LINUX_LAPD))
        for number, frame in enumerate(frames):
            record = struct.pack(">HHH8sH", 4, 2000, 1, bytes(8), 0x30) + frame
            file.write(struct.pack("<IIII", number, 0, len(record), len(record)) + record)


def tshark(path: Path, *arguments: str) -> list[str]:
    """Its output, line by line."""
    command = ["tshark", "-r", str(path), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.splitlines()


def test_every_message_and_element(tmp_path: Path) -> None:
    """Each message as the information of an I frame: its type is read back, nothing is malformed or unknown."""
    assert set(MESSAGES) == set(Kind), "a kind of message is not tried here"
    frames = [
        Frame(FrameKind.I, True, sequence=n, information=Message(kind, 0x11, False, elements).serialize())
        for n, (kind, elements) in enumerate(MESSAGES.items())
    ]
    path = tmp_path / "q931.pcap"
    write_pcap(path, [frame.serialize(Side.USER) for frame in frames])
    types = tshark(path, "-T", "fields", "-e", "q931.message_type")
    assert [int(value, 16) for value in types] == [kind.value for kind in MESSAGES], "message types"
    assert not tshark(path, "-Y", "_ws.malformed || _ws.expert.severity >= 6291456"), "\n".join(tshark(path, "-V"))
    fields = ("q931.called_party_number.digits", "q931.calling_party_number.digits", "q931.channel.number")
    (said,) = tshark(path, "-Y", "q931.message_type == 5", "-T", "fields", *[x for f in fields for x in ("-e", f)])
    assert said.split("\t") == ["97000017", "8110", "17"]
    causes = tshark(path, "-Y", "q931.message_type == 0x45", "-T", "fields", "-e", "q931.cause_value")
    assert causes == ["17"]


def test_components_of_facility(tmp_path: Path) -> None:
    """Remote operations as tshark's own dissector of Q.932 reads them; it takes local values for those of QSIG."""
    components = (
        rose.Invoke(1, LINK_ID_REQUEST),
        rose.Invoke(2, EXPLICIT_EXECUTE, rose.integer(7)),
        rose.Result(1, LINK_ID_REQUEST, rose.integer(7)),
        rose.Result(2),
        rose.Error(3, 7),
        rose.Reject(4, rose.UNRECOGNIZED_OPERATION),
        rose.Reject(None, rose.BADLY_STRUCTURED),
    )
    messages = [
        Message(Kind.FACILITY, 0x11, False, {ElementId.FACILITY: rose.facility(component)}) for component in components
    ]
    path = tmp_path / "facility.pcap"
    frames = [Frame(FrameKind.I, True, sequence=n, information=m.serialize()) for n, m in enumerate(messages)]
    write_pcap(path, [frame.serialize(Side.USER) for frame in frames])
    assert not tshark(path, "-Y", "_ws.malformed"), "\n".join(tshark(path, "-V"))
    told = tshark(path, "-T", "fields", "-e", "q932.ros.ROS", "-e", "q932.ros.present", "-e", "q932.ros.global")
    operation = "0.4.0.369.1."
    assert [line.rstrip().split("\t") for line in told] == [
        ["1", "1", f"{operation}4"],
        ["1", "2", f"{operation}1"],
        ["2", "1", f"{operation}4"],
        ["2", "2"],
        ["3", "3"],
        ["4", "4"],
        ["4"],
    ]


def test_every_frame_of_the_data_link(tmp_path: Path) -> None:
    """Supervisory and unnumbered frames, commands and responses, as tshark names them."""
    responses = (FrameKind.DM, FrameKind.UA, FrameKind.FRMR)
    frames = [
        Frame(kind, kind not in responses, poll=True, information=bytes(5) if kind is FrameKind.FRMR else b"")
        for kind in FrameKind
        if kind is not FrameKind.I
    ]
    path = tmp_path / "lapd.pcap"
    write_pcap(path, [frame.serialize(Side.USER) for frame in frames])
    assert not tshark(path, "-Y", "_ws.malformed"), "\n".join(tshark(path, "-V"))
    shown = tshark(path, "-T", "fields", "-e", "_ws.col.Info")
    for kind, line in zip([frame.kind for frame in frames], shown, strict=True):
        assert kind.name in line.replace(" ", ""), f"{kind.name} is read as {line!r}"
