"""Which gateways a node runs, made from its configuration: a module for each, named here once."""

from __future__ import annotations

from softswitch.app.gateway import Gateway
from softswitch.app.gateways import e1, poc, usrp
from softswitch.app.node import Node

_BUILDERS = (poc.build, e1.build, usrp.build)


def build(node: Node) -> list[Gateway]:
    """The gateways that are enabled, in the order in which they are opened."""
    return [gateway for builder in _BUILDERS for gateway in builder(node)]


__all__ = ["build"]
