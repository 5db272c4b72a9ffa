"""A port's sockets on their way from the switch to a packet thread of another process (unix(7), SCM_RIGHTS).

The control side sends them, in a message that says which port they are for, before it publishes the OPEN command. Both
arrive in order, so the thread that meets the command finds them waiting. A message left by a switch that ended before
its command is thrown away when the next one is wanted.
"""

from __future__ import annotations

from typing import Any

from softswitch.media.kernels.compiler import part
from softswitch.media.kernels.libc import MSG_DONTWAIT_CLOEXEC, close, recvmsg

_HANDED_OCTETS = 16
_CONTROL_OCTETS = 24  # CMSG_SPACE of two descriptors
_CONTROL_HEAD_OCTETS = 16
_DESCRIPTOR_OCTETS = 4
_MESSAGES_PASSED_OVER = 64


@part
def take_sockets(port: Any, slot: int, worker: Any, scratch: Any) -> None:
    """Put the descriptors that were sent for the port into its record; -1 for what was not sent."""
    port["rtp_fd"] = -1
    port["rtcp_fd"] = -1
    for _ in range(_MESSAGES_PASSED_OVER):
        if not _receive(worker, scratch):
            return
        port["rtp_fd"] = _descriptor(scratch, 0)
        port["rtcp_fd"] = _descriptor(scratch, 1)
        if scratch["handed"][0] == slot and scratch["handed"][1] == port["generation"]:
            return
        drop_sockets(port)


@part
def take_wake(slot: int, generation: int, before: int, worker: Any, scratch: Any) -> Any:
    """The descriptor that was sent to wake an internal port's thread by, in place of `before`; -1 for none."""
    drop_wake(before)
    for _ in range(_MESSAGES_PASSED_OVER):
        if not _receive(worker, scratch):
            return -1
        descriptor = _descriptor(scratch, 0)
        drop_wake(_descriptor(scratch, 1))
        if scratch["handed"][0] == slot and scratch["handed"][1] == generation:
            return descriptor
        drop_wake(descriptor)
    return -1


@part
def drop_wake(descriptor: int) -> None:
    """Close a descriptor, if it is one."""
    if descriptor >= 0:
        close(descriptor)


@part
def drop_sockets(port: Any) -> None:
    """Close the descriptors of a port."""
    if port["rtp_fd"] >= 0:
        close(port["rtp_fd"])
    if port["rtcp_fd"] >= 0:
        close(port["rtcp_fd"])
    port["rtp_fd"] = -1
    port["rtcp_fd"] = -1


@part
def _receive(worker: Any, scratch: Any) -> Any:
    """Take the next message, if there is one: `handed` and `control` then hold it."""
    message = scratch["message"]
    for i in range(len(message)):
        message[i] = 0
    scratch["control"][0] = 0
    message[2] = message[7:].ctypes.data
    message[3] = 1
    message[4] = scratch["control"].ctypes.data
    message[5] = _CONTROL_OCTETS
    message[7] = scratch["handed"].ctypes.data
    message[8] = _HANDED_OCTETS
    return recvmsg(worker["handover_fd"], message.ctypes.data, MSG_DONTWAIT_CLOEXEC) == _HANDED_OCTETS


@part
def _descriptor(scratch: Any, place: int) -> Any:
    """Descriptor number `place` of the message that was taken, -1 when it brought fewer."""
    control = scratch["control"]
    if control[0] < _CONTROL_HEAD_OCTETS + _DESCRIPTOR_OCTETS * (place + 1):
        return -1
    return (control[2] >> (32 * place)) & 0x7FFFFFFF
