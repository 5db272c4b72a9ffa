"""Pages that need no script and nothing from another host: how they look, and the status page."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from html import escape
from typing import Any

from aiohttp import web

from softswitch.api.operations import PREFIX

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 3rem auto; padding: 0 1rem; }
h1 { font-weight: 600; margin-bottom: 0; }
.ok { color: #1a7f37; } .degraded, .stopping { color: #b35900; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; }
th, td { text-align: left; padding: .35rem .75rem .35rem 0; border-bottom: 1px solid #8884; vertical-align: top; }
code, pre { font: .9em ui-monospace, monospace; }
pre { padding: .75rem; overflow: auto; background: #8881; border-radius: .4rem; }
summary { cursor: pointer; padding: .4rem 0; }
details { border-bottom: 1px solid #8884; } details > :not(summary) { margin-left: 1.2rem; }
details > table { width: calc(100% - 1.2rem); }
small { opacity: .75; }
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; script-src 'self'; style-src 'self' 'sha256-{_STYLE_HASH}'; connect-src 'self'; "
    "img-src 'self' data:; media-src 'self' blob:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def status_page(health: Mapping[str, Any], *, with_figures: bool) -> web.Response:
    """The page at `/status`: what runs here; figures only for those on this machine."""
    status = str(health["status"])
    rows = [("Version 版本", health["version"]), ("Up 运行时间", _duration(float(health["uptime_s"])))]
    if with_figures:
        rows += [("Node 节点", health["node"])]
        rows += [("Calls 通话", health.get("calls", 0)), ("Registrations 注册", health.get("registrations", 0))]
        rows += [("Problem 问题", problem) for problem in health.get("problems", ())]
    table = "".join(f"<tr><th>{escape(name)}</th><td>{escape(str(value))}</td></tr>" for name, value in rows)
    body = (
        f'<h1>softswitch</h1><p class="{escape(status)}">● {escape(status)}</p><table>{table}</table>'
        f'<p><a href="{PREFIX}/docs">API operations</a> · <a href="{PREFIX}/openapi.json">OpenAPI</a> · '
        '<a href="/metrics">metrics</a></p>'
    )
    return page("softswitch", body)


def page(title: str, body: str) -> web.Response:
    """A page in the plain style of these; `body` is HTML."""
    text = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>{body}</body></html>'
    )
    return web.Response(text=text, content_type="text/html", charset="utf-8")


def _duration(seconds: float) -> str:
    whole = int(seconds)
    days, rest = divmod(whole, 86_400)
    hours, rest = divmod(rest, 3600)
    minutes, last = divmod(rest, 60)
    return (f"{days} d " if days else "") + f"{hours:02}:{minutes:02}:{last:02}"
