"""Static files from memory: hashed names, ``immutable``, brotli and zstd variants, 304, parts.

Everything under ``vazao/static`` is read once a process. A file's public name carries a digest of
its bytes, so it may be kept for ever; stylesheets are rewritten to name the hashed addresses of
what they refer to. Variants are compressed at their first request, in a thread, and kept.
"""

from __future__ import annotations

import asyncio
import hashlib
import posixpath
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import brotli
import zstandard
from litestar import Request, Response, route
from litestar.params import FromPath

from vazao.kit.errors import NotFound
from vazao.kit.web import ranges

FOLDER = Path(__file__).resolve().parents[2] / "static"
PREFIX = "/static/"
FOREVER = "public, max-age=31536000, immutable"
ASK_AGAIN = "public, no-cache"
SMALLEST = 512
DENSEST_BYTES = 256 << 10
TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    ".json": "application/json",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
}
COMPRESSIBLE = (".css", ".js", ".svg", ".txt", ".json")
_URL = re.compile(r"""url\(\s*(["']?)(?!data:|https?:|/|\#)([^"')?#]+)([?#][^"')]*)?\1\s*\)""")
_SOURCE_MAP = re.compile(rb"\n?(//# sourceMappingURL=\S+|/\*# sourceMappingURL=.*?\*/)\s*$")


class Asset:
    """One file: its bytes, its hashed name, and the compressed variants asked for so far."""

    def __init__(self, name: str, body: bytes) -> None:
        self.name = name
        self.body = body
        self.digest = hashlib.sha256(body).hexdigest()[:12]
        stem, extension = posixpath.splitext(name)
        self.hashed = f"{stem}.{self.digest}{extension}"
        self.media_type = TYPES.get(extension, "application/octet-stream")
        self.compressible = extension in COMPRESSIBLE and len(body) >= SMALLEST
        self._variants: dict[str, bytes] = {"identity": body}

    def etag(self, encoding: str) -> str:
        """The strong validator of one variant."""
        return f'"{self.digest}"' if encoding == "identity" else f'"{self.digest}-{encoding}"'

    async def variant(self, encoding: str) -> bytes:
        """The bytes in *encoding* (``br``, ``zstd`` or ``identity``)."""
        if encoding not in self._variants:
            self._variants[encoding] = await asyncio.to_thread(compress, self.body, encoding)
        return self._variants[encoding]


def compress(body: bytes, encoding: str) -> bytes:
    """*body* in *encoding*, densely: it is done once and sent many times.

    Of a large file the first reader would wait ten seconds for the densest level: brotli's 9
    makes the reference's viewer (1.7 MB) a tenth larger in a sixteenth of the time.
    """
    if encoding == "br":
        return brotli.compress(body, quality=11 if len(body) <= DENSEST_BYTES else 9)
    return zstandard.ZstdCompressor(level=19).compress(body)


class Library:
    """All static files of a folder, under their plain and their hashed names."""

    def __init__(self, folder: Path) -> None:
        found = (p.relative_to(folder) for p in folder.rglob("*") if p.is_file())
        names = sorted(p.as_posix() for p in found if not any(q[0] == "." for q in p.parts))
        self.by_name: dict[str, Asset] = {}
        for name in sorted(names, key=lambda n: n.endswith(".css")):
            body = _SOURCE_MAP.sub(b"\n", (folder / name).read_bytes())
            if name.endswith(".css"):
                body = rewrite(name, body.decode(), self.by_name).encode()
            self.by_name[name] = Asset(name, body)
        self.by_hashed = {asset.hashed: asset for asset in self.by_name.values()}

    def address(self, name: str) -> str:
        """The address to write into a page for *name*; a name that is not there stays plain."""
        asset = self.by_name.get(name)
        return PREFIX + (asset.hashed if asset else name)


def rewrite(name: str, css: str, known: Mapping[str, Asset]) -> str:
    """The stylesheet *name* with relative ``url(...)`` turned into hashed addresses."""

    def hashed(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(name), match[2].strip()))
        asset = known.get(target)
        return f'url("{PREFIX}{asset.hashed}{match[3] or ""}")' if asset else match[0]

    return _URL.sub(hashed, css)


@cache
def library() -> Library:
    """This package's static files, read at first use."""
    return Library(FOLDER)


def address(name: str) -> str:
    """The address of a static file, with its digest in it: ``/static/app.3f2a9c1b0d4e.css``."""
    return library().address(name)


def choose_encoding(accept: str | None, codings: tuple[str, ...] = ("br", "zstd")) -> str:
    """The best of *codings* and identity that *accept* allows (RFC 9110, 12.5.3).

    Ties go to the first of them. Malformed weights count as a refusal; if everything is refused the
    plain bytes are sent, which the RFC allows.
    """
    weights: dict[str, float] = {}
    for entry in (accept or "")[:400].split(","):
        coding, _, parameter = entry.partition(";")
        key, _, value = parameter.strip().partition("=")
        try:
            weight = float(value) if key.strip().lower() == "q" else 1.0
        except ValueError:
            weight = 0.0
        weights[coding.strip().lower()] = weight
    offered = [(weights.get(c, weights.get("*", 0.0)), c) for c in codings]
    best, coding = max(offered, key=lambda pair: pair[0])
    return coding if best > 0 and best >= weights.get("identity", 0.0) else "identity"


def is_fresh(if_none_match: str | None, etag: str) -> bool:
    """Whether the reader already holds the variant *etag* (weak comparison)."""
    held = {tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")}
    return etag in held or "*" in held


async def respond(request: Request[Any, Any, Any], asset: Asset, cache_control: str) -> Response:
    """Answer *request* with *asset*: the variant its reader takes, a part of it, or 304.

    Raises:
        RangeNotSatisfiable: the part is not there.
    """
    coding = "identity"
    if asset.compressible:
        coding = choose_encoding(request.headers.get("accept-encoding"))
    headers = {
        "ETag": asset.etag(coding), "Cache-Control": cache_control, "Accept-Ranges": "bytes",
    }
    if asset.compressible:
        headers["Vary"] = "Accept-Encoding"
    if is_fresh(request.headers.get("if-none-match"), headers["ETag"]):
        return Response(b"", status_code=304, headers=headers, media_type=asset.media_type)
    if coding != "identity":
        headers["Content-Encoding"] = coding
    body, status = await asset.variant(coding), 200
    asked = request.headers.get("range") if request.method == "GET" else None
    found = ranges.part(asked, request.headers.get("if-range"), headers["ETag"], len(body))
    if found is not None:
        headers["Content-Range"] = f"bytes {found[0]}-{found[-1]}/{len(body)}"
        body, status = body[found.start : found.stop], 206
    return Response(body, status_code=status, headers=headers, media_type=asset.media_type)


OPT = {"public": True, "anonymous": True}


@route(
    "/static/{name:path}", http_method=["GET", "HEAD"], opt=OPT, include_in_schema=False
)
async def serve(request: Request[Any, Any, Any], name: FromPath[str]) -> Response:
    """A static file: for ever under its hashed name, to be asked again under its plain one.

    Raises:
        NotFound: there is none of that name.
    """
    wanted = name.lstrip("/")
    files = library()
    if asset := files.by_hashed.get(wanted):
        return await respond(request, asset, FOREVER)
    if asset := files.by_name.get(wanted):
        return await respond(request, asset, ASK_AGAIN)
    raise NotFound


@route("/favicon.ico", http_method=["GET", "HEAD"], opt=OPT, include_in_schema=False)
async def favicon(request: Request[Any, Any, Any]) -> Response:
    """The icon for whoever asks by the old name; every browser of today takes the drawing."""
    return await respond(request, library().by_name["favicon.svg"], ASK_AGAIN)


routes: list[Any] = [serve, favicon]
