"""One pjsua2 endpoint as a process of its own (the library allows one a process): commands in, events out.

Standard input takes one JSON object a line: {"do": "call", "uri": …}, answer, hangup, hold, resume, update, transfer,
attended, dtmf, message, quit. Standard output gives one JSON object a line: {"event": "registered", …}, incoming,
state, media, dtmf, message, transfer, error. Run with the JSON of its account as the only argument.
"""

from __future__ import annotations

import json
import queue
import sys
import threading
from typing import Any

import pjsua2 as pj


def tell(event: str, **more: object) -> None:
    """Print one event."""
    print(json.dumps({"event": event, **more}), flush=True)


class Call(pj.Call):  # type: ignore[misc]
    """A call that plays `play` to the other side and records what it hears."""

    def __init__(self, account: Account, call_id: int = pj.PJSUA_INVALID_ID) -> None:
        super().__init__(account, call_id)
        self.peer = account.peer
        self.number = self.peer.take(self)
        self.player: Any = None
        self.recorder: Any = None

    def onCallState(self, prm: Any) -> None:
        info = self.getInfo()
        tell("state", call=self.number, state=info.stateText, status=int(info.lastStatusCode), reason=info.lastReason)
        if info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self.player = self.recorder = None
            self.peer.calls.pop(self.number, None)

    def onCallMediaState(self, prm: Any) -> None:
        info = self.getInfo()  # kept: its media live no longer than it does
        for index, media in enumerate(info.media):
            if media.type == pj.PJMEDIA_TYPE_AUDIO:
                tell("media", call=self.number, status=int(media.status), direction=int(media.dir))
                if media.status == pj.PJSUA_CALL_MEDIA_ACTIVE:
                    self.join(self.getAudioMedia(index))

    def join(self, media: Any) -> None:
        """Connect the player and the recorder; the recorder goes on over a hold."""
        if self.peer.setup.get("play"):
            if self.player is None:
                self.player = pj.AudioMediaPlayer()
                self.player.createPlayer(self.peer.setup["play"])
            self.player.startTransmit(media)
        if self.peer.setup.get("record"):
            if self.recorder is None:
                self.recorder = pj.AudioMediaRecorder()
                self.recorder.createRecorder(self.peer.setup["record"].replace("%", str(self.number)))
            media.startTransmit(self.recorder)

    def onDtmfDigit(self, prm: Any) -> None:
        tell("dtmf", call=self.number, digit=prm.digit)

    def onCallTransferStatus(self, prm: Any) -> None:
        tell("transfer", call=self.number, status=int(prm.statusCode), final=bool(prm.finalNotify))

    def onCallTransferRequest(self, prm: Any) -> None:
        tell("transfer_request", call=self.number, to=prm.dstUri)


class Account(pj.Account):  # type: ignore[misc]
    """The one account of this process."""

    def __init__(self, peer: Peer) -> None:
        super().__init__()
        self.peer = peer

    def onRegState(self, prm: Any) -> None:
        tell("registered", status=int(prm.code), expires=int(prm.expiration))

    def onIncomingCall(self, prm: Any) -> None:
        call = Call(self, prm.callId)
        tell("incoming", call=call.number, remote=call.getInfo().remoteUri)
        if self.peer.setup.get("auto_answer", True):
            for status in (180, 200):
                call.answer(_parameters(status))

    def onInstantMessage(self, prm: Any) -> None:
        tell("message", text=prm.msgBody, sender=prm.fromUri)

    def onInstantMessageStatus(self, prm: Any) -> None:
        tell("message_status", status=int(prm.code))


def _parameters(status: int = 0) -> Any:
    parameters = pj.CallOpParam(True)
    if status:
        parameters.statusCode = status
    return parameters


class Peer:
    """The endpoint, its account and its calls."""

    def __init__(self, setup: dict[str, Any]) -> None:
        self.setup = setup
        self.calls: dict[int, Call] = {}
        self._count = 0
        self.endpoint = pj.Endpoint()
        self.endpoint.libCreate()
        self.endpoint.libInit(self._endpoint_settings())
        self._transports()
        self.endpoint.libStart()
        self.endpoint.audDevManager().setNullDev()
        for codec in self.endpoint.codecEnum2():
            wanted = setup.get("codecs", ["PCMU", "PCMA"])
            rank = next((index for index, name in enumerate(wanted) if codec.codecId.startswith(name)), None)
            self.endpoint.codecSetPriority(codec.codecId, 0 if rank is None else 200 - rank)
        self.account = Account(self)
        self.account.create(self._account_settings())

    def take(self, call: Call) -> int:
        """Keep a call alive under a number of its own."""
        self._count += 1
        self.calls[self._count] = call
        return self._count

    def _endpoint_settings(self) -> Any:
        settings = pj.EpConfig()
        settings.uaConfig.threadCnt = 0
        settings.uaConfig.mainThreadOnly = True
        settings.logConfig.level = settings.logConfig.consoleLevel = 5 if self.setup.get("log") else 0
        if self.setup.get("log"):
            settings.logConfig.filename = self.setup["log"]
            settings.logConfig.consoleLevel = 0
        settings.medConfig.noVad = True
        settings.medConfig.clockRate = settings.medConfig.sndClockRate = 8000
        settings.medConfig.ecOptions = settings.medConfig.ecTailLen = 0
        return settings

    def _transports(self) -> None:
        kinds = {"udp": pj.PJSIP_TRANSPORT_UDP, "tcp": pj.PJSIP_TRANSPORT_TCP, "tls": pj.PJSIP_TRANSPORT_TLS}
        settings = pj.TransportConfig()
        settings.boundAddress = self.setup.get("address", "127.0.0.1")
        settings.port = self.setup.get("port", 0)
        settings.tlsConfig.verifyServer = False
        self.endpoint.transportCreate(kinds[self.setup.get("transport", "udp")], settings)

    def uri(self, called: str) -> str:
        """The SIP URI of a number at the switch."""
        if called.startswith("sip"):
            return called
        transport = self.setup.get("transport", "udp")
        more = "" if transport == "udp" else f";transport={transport}"
        return f"sip:{called}@{self.setup['switch']}{more}"

    def _account_settings(self) -> Any:
        settings = pj.AccountConfig()
        number = self.setup["number"]
        settings.idUri = f"sip:{number}@{self.setup['switch']}"
        if self.setup.get("register", True):
            settings.regConfig.registrarUri = self.uri("").replace("sip:@", "sip:")
        settings.regConfig.timeoutSec = 300
        settings.sipConfig.authCreds.append(pj.AuthCredInfo("digest", "*", number, 0, self.setup["password"]))
        settings.callConfig.prackUse = self.setup.get("prack", pj.PJSUA_100REL_NOT_USED)
        settings.callConfig.timerUse = pj.PJSUA_SIP_TIMER_OPTIONAL
        settings.mediaConfig.transportConfig.boundAddress = self.setup.get("address", "127.0.0.1")
        settings.mediaConfig.transportConfig.port = self.setup.get("rtp_port", 0)
        settings.mediaConfig.rtcpMuxEnabled = bool(self.setup.get("rtcp_mux"))
        settings.mediaConfig.srtpUse = self.setup.get("srtp", pj.PJMEDIA_SRTP_DISABLED)
        settings.mediaConfig.srtpSecureSignaling = 0
        if "suites" in self.setup:
            for name in self.setup["suites"]:
                crypto = pj.SrtpCrypto()
                crypto.name = name
                settings.mediaConfig.srtpOpt.cryptos.append(crypto)
        return settings

    def perform(self, order: dict[str, Any]) -> None:
        """Carry out one command; raises pj.Error."""
        kind = order["do"]
        if kind == "call":
            Call(self.account).makeCall(self.uri(order["to"]), _parameters())
            return
        if kind == "message":
            buddy = pj.BuddyConfig()
            buddy.uri = self.uri(order["to"])
            self.buddy = pj.Buddy()
            self.buddy.create(self.account, buddy)
            parameters = pj.SendInstantMessageParam()
            parameters.content = order["text"]
            self.buddy.sendInstantMessage(parameters)
            return
        if kind == "unregister":
            self.account.setRegistration(False)
            return
        call = self.calls[order.get("call", 1)]
        parameters = _parameters(order.get("status", 0))
        if kind == "answer":
            call.answer(_parameters(order.get("status", 200)))
        elif kind == "hangup":
            call.hangup(parameters)
        elif kind == "hold":
            call.setHold(pj.CallOpParam(True))
        elif kind == "resume":
            parameters.opt.flag = pj.PJSUA_CALL_UNHOLD
            call.reinvite(parameters)
        elif kind == "update":
            call.update(parameters)
        elif kind == "transfer":
            call.xfer(self.uri(order["to"]), parameters)
        elif kind == "attended":
            call.xferReplaces(self.calls[order["with"]], parameters)
        elif kind == "dtmf":
            call.dialDtmf(order["digits"])
        elif kind == "statistics":
            rtcp = call.getStreamStat(0).rtcp
            tell(
                "statistics",
                call=order.get("call", 1),
                received=rtcp.rxStat.pkt,
                lost=rtcp.rxStat.loss,
                sent=rtcp.txStat.pkt,
            )
        else:
            raise ValueError(f"unknown command {kind!r}")

    def close(self) -> None:
        """Leave in good order."""
        self.calls.clear()
        self.account.shutdown()
        self.endpoint.libDestroy()


def main() -> None:
    """Serve commands until `quit` or the end of the input."""
    peer = Peer(json.loads(sys.argv[1]))
    orders: queue.Queue[str | None] = queue.Queue()

    def read() -> None:
        for line in sys.stdin:
            orders.put(line)
        orders.put(None)

    threading.Thread(target=read, daemon=True).start()
    tell("ready")
    while True:
        peer.endpoint.libHandleEvents(10)
        try:
            line = orders.get_nowait()
        except queue.Empty:
            continue
        if line is None or json.loads(line)["do"] == "quit":
            break
        try:
            peer.perform(json.loads(line))
        except (pj.Error, KeyError, ValueError) as error:
            tell("error", order=line.strip(), text=error.info() if isinstance(error, pj.Error) else repr(error))
    peer.close()
    tell("bye")


if __name__ == "__main__":
    main()
