"""The dispatcher's console at `/`, and the map tiles it shows.

The console is built from the sources in `console/` (docs/console.md) into the folder `console` of this package; its
files are sent as they are. Where it was not built, `/` says how to do that. Tiles are a folder `zoom/column/row.png`
(or jpg, webp), as tools for OpenStreetMap data write it; nothing is asked of another host.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from importlib.resources import files
from pathlib import Path

from aiohttp import web

from softswitch.api.operations import PREFIX, json_response
from softswitch.api.pages import page

_TYPES = {"html": "text/html", "js": "text/javascript", "css": "text/css", "txt": "text/plain"}
_TILE_TYPES = {"png": "image/png", "jpg": "image/jpeg", "webp": "image/webp"}
_TILES = "/console/tiles"


def add_console(application: web.Application, tiles: Path | None) -> None:
    """Serve the console, and the tiles of a folder when there is one."""
    contents = console_files()
    tags = {name: f'"{hashlib.sha256(content).hexdigest()[:24]}"' for name, (content, _) in contents.items()}

    async def console(request: web.Request) -> web.StreamResponse:
        name = request.match_info.get("name", "index.html")
        if name not in contents:
            if not contents and name == "index.html":
                return missing_console_page()
            raise web.HTTPNotFound
        # The browser may keep a file as long as it is the same.
        headers = {"ETag": tags[name], "Cache-Control": "no-cache"}
        if request.headers.get("If-None-Match") == tags[name]:
            return web.Response(status=304, headers=headers)
        content, kind = contents[name]
        return web.Response(body=content, content_type=kind, charset="utf-8", headers=headers)

    _add_tiles(application, tiles)
    application.router.add_get("/", console)
    application.router.add_get("/console/{name}", console)


def console_files() -> dict[str, tuple[bytes, str]]:
    """The console's files by name: their content and its type; none where it was not built."""
    folder = files("softswitch.api") / "console"
    if not (folder / "index.html").is_file():
        return {}
    found: dict[str, tuple[bytes, str]] = {}
    for entry in folder.iterdir():
        kind = _TYPES.get(entry.name.rpartition(".")[2])
        if kind is not None:
            found[entry.name] = (entry.read_bytes(), kind)
    return found


def missing_console_page() -> web.Response:
    """The page at `/` where the console was not built: what is missing, and how to get it."""
    body = (
        "<h1>softswitch</h1><p>The switch runs, but its console was not built. 交换机已运行，但控制台尚未构建。</p>"
        "<p>In the checkout, with a way to the npm registry 在源码目录中（需能访问 npm）：</p>"
        "<p><code>script/prepare</code></p><p>or, with Node.js 20 or later 或使用已有的 Node.js 20 以上：</p>"
        "<p><code>python3 console/tool.py build</code></p><p>Then start the switch again. 然后重新启动交换机。</p>"
        f'<p><a href="/status">Status 状态</a> · <a href="{PREFIX}/docs">API</a> · <a href="/metrics">metrics</a></p>'
    )
    return page("softswitch", body)


# -- tiles ------------------------------------------------------------------------------------------------------------


def _add_tiles(application: web.Application, folder: Path | None) -> None:
    async def description(request: web.Request) -> web.StreamResponse:
        found = {"available": False} if folder is None else await asyncio.to_thread(describe_tiles, folder)
        return json_response(found)

    async def tile(request: web.Request) -> web.StreamResponse:
        part = request.match_info
        path = (folder or Path()) / part["zoom"] / part["column"] / f"{part['row']}.{part['kind']}"
        if not await asyncio.to_thread(path.is_file):
            raise web.HTTPNotFound
        headers = {"Cache-Control": "private, max-age=86400", "Content-Type": _TILE_TYPES[part["kind"]]}
        return web.FileResponse(path, headers=headers)

    application.router.add_get(f"{_TILES}.json", description)
    if folder is not None:
        # Digits alone: no path leads out of the folder.
        pattern = r"/{zoom:\d{1,2}}/{column:\d{1,9}}/{row:\d{1,9}}.{kind:" + "|".join(_TILE_TYPES) + "}"
        application.router.add_get(_TILES + pattern, tile)


def describe_tiles(folder: Path) -> dict[str, object]:
    """Which zooms a folder of tiles has, and the address of a tile with Leaflet's placeholders."""
    if not folder.is_dir():
        return {"available": False}
    zooms = sorted(int(each.name) for each in folder.iterdir() if re.fullmatch(r"\d{1,2}", each.name))
    first = next((path for zoom in zooms[:1] for path in (folder / str(zoom)).glob("*/*.*")), None)
    kind = "" if first is None else first.suffix[1:]
    if kind not in _TILE_TYPES:
        return {"available": False}
    address = f"{_TILES}/{{z}}/{{x}}/{{y}}.{kind}"
    return {"available": True, "address": address, "least_zoom": zooms[0], "most_zoom": zooms[-1]}
