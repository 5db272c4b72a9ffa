"""Which actions follow the verbs that change something in a running switch, and the words that each of them takes.

Here are only words, for the parser and the shell's completion; `orders` carries them out.
"""

from __future__ import annotations

#: By verb and action: names of the words that follow; one that ends in … may be repeated, one in [] left out.
ACTIONS: dict[str, dict[str, tuple[str, ...]]] = {
    "calls": {
        "originate": ("CALLER", "CALLEE"),
        "disconnect": ("CALL",),
        "force-release": ("CALL",),
        "hold": ("CALL", "[PARTY]"),
        "resume": ("CALL", "[PARTY]"),
        "transfer": ("CALL", "TARGET", "[PARTY]"),
        "dtmf": ("CALL", "DIGITS"),
        "insert": ("CALL", "DISPATCHER"),
        "listen": ("CALL", "DISPATCHER"),
        "whisper": ("CALL", "DISPATCHER", "PARTY"),
        "record": ("CALL", "[start|stop|pause|resume]"),
    },
    "groups": {
        "call": ("GROUP", "[group|emergency]", "[MEMBER|everybody]…"),
        "end": ("GROUP",),
        "request": ("GROUP", "PARTY"),
        "release": ("GROUP", "PARTY"),
        "force": ("GROUP", "PARTY"),
        "revoke": ("GROUP",),
        "regroup": ("MEMBER|everybody…",),
        "patch": ("GROUP…",),
        "remove": ("GROUP",),
        "invite": ("GROUP", "MEMBER|everybody…"),
        "insert": ("GROUP", "DISPATCHER"),
        "listen": ("GROUP", "DISPATCHER"),
        "put-out": ("GROUP", "PARTY"),
        "mute": ("GROUP", "PARTY"),
        "unmute": ("GROUP", "PARTY"),
        "roll-call": ("GROUP", "[MEMBER|everybody]…"),
        "scan": ("PARTY", "[GROUP]…"),
    },
    "conferences": {
        "start": ("CONFERENCE", "[PLAN]"),
        "invite": ("CONFERENCE", "MEMBER…"),
        "mute": ("CONFERENCE",),
        "unmute": ("CONFERENCE",),
        "lock": ("CONFERENCE",),
        "unlock": ("CONFERENCE",),
        "remove": ("CONFERENCE", "PARTY"),
        "end": ("CONFERENCE",),
    },
    "queues": {
        "log-in": ("QUEUE", "AGENT"),
        "log-out": ("QUEUE", "AGENT"),
        "pause": ("QUEUE", "AGENT"),
        "resume": ("QUEUE", "AGENT"),
    },
    "messages": {"send": ("TEXT", "RECIPIENT…"), "cancel": ("MESSAGE",)},
}


def usage(verb: str) -> str:
    """Every action of a verb with its words, a line each."""
    return "actions:\n" + "\n".join(f"  {name} {' '.join(words)}" for name, words in ACTIONS[verb].items())


def fits(words: tuple[str, ...], count: int) -> bool:
    """Whether so many words may follow an action."""
    least = sum(not word.startswith("[") for word in words)
    return least <= count and (count <= len(words) or words[-1].endswith("…"))
