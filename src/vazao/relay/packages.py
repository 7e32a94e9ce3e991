"""The agent's packages, as the hub hands them out; a running hub builds none."""

from __future__ import annotations

import asyncio
import re
import zipfile
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from litestar import Request, Response, get
from litestar.params import FromPath
from litestar.response import Stream

from vazao.kit.errors import BadRequest
from vazao.kit.proxies import is_https
from vazao.kit.settings import Settings
from vazao.kit.web.frame import ThePlatform
from vazao.relay.errors import PackageMissing
from vazao.relay.settings import RelaySettings

_host = re.compile(r"[A-Za-z0-9.-]+(:[0-9]+)?|\[[0-9a-fA-F:]+\](:[0-9]+)?").fullmatch
_version = re.compile(r'^__version__ = "([0-9.]+)"$', re.MULTILINE).search
BLOCK = 1 << 20
BUILT = Path(__file__).resolve().parents[3] / "build" / "agents"
MEDIA = {"agent.pyz": "application/zip", "agent.tar.gz": "application/gzip"}
SCRIPT = """#!/bin/sh
# Fetches the Vazao agent from {hub}, checks it, enrols it with the token, and starts it.
set -eu
token="${{1:?usage: sh -s -- TOKEN}}"
shift
here="$PWD" state="" before=""
for word in "$@"; do
  case "$before $word" in
    "--state "*) state="$word" ;;
    *" --state="*) state="${{word#--state=}}" ;;
  esac
  before="$word"
done
case "$state" in ""|/*) ;; *) state="$here/$state" ;; esac
folder="${{VAZAO_AGENT_HOME:-/opt/vazao-agent}}"
mkdir -p "$folder"
cd "$folder"
fetch() {{ curl -fsSL --retry 3 -o "$2.new" "$1" && mv "$2.new" "$2"; }}
check() {{ echo "$2  $1" | sha256sum -c - >/dev/null || {{ echo "$1 is damaged" >&2; exit 1; }}; }}
{steps}
cd "$here"
"$folder/vazao-agent" enroll {hub} "$token" "$@"
if [ -d /run/systemd/system ] && [ "$(id -u)" = 0 ]; then
  "$folder/vazao-agent" install-service ${{state:+--state "$state"}}
else
  case "${{LC_ALL:-${{LANG:-}}}}" in pt*) how="Inicie com" ;; *) how="Start it with" ;; esac
  echo "$how: $folder/vazao-agent run${{state:+ --state $state}}"
fi
"""
WHOLE = """fetch {hub}/relay/agent.tar.gz agent.tar.gz
check agent.tar.gz {digest}
rm -rf whole && mkdir whole && tar -xzf agent.tar.gz -C whole --strip-components 1
ln -sf "$folder/whole/vazao-agent" vazao-agent"""
ZIPPED = """fetch {hub}/relay/agent.pyz agent.pyz
check agent.pyz {digest}
printf '#!/bin/sh\\nexec python3 "%s/agent.pyz" "$@"\\n' "$folder" > vazao-agent
chmod 755 vazao-agent"""


def folder_of(settings: Settings) -> Path:
    """Where the packages are."""
    named = settings.of(RelaySettings).agents_dir
    return Path(named) if named else BUILT


def digest_of(settings: Settings, name: str) -> str:
    """The SHA-256 of a package, in hex.

    Raises:
        PackageMissing: it was not built.
    """
    try:
        return (folder_of(settings) / f"{name}.sha256").read_text().split()[0]
    except (OSError, IndexError):
        raise PackageMissing(name=name) from None


def release_of(settings: Settings) -> tuple[str, dict[str, dict[str, Any]]]:
    """The version of the packages that are here, and what a publisher signs of each.

    Raises:
        PackageMissing: agent.pyz, which tells the version, was not built.
    """
    folder = folder_of(settings)
    try:
        with zipfile.ZipFile(folder / "agent.pyz") as archive:
            found = _version(archive.read("vazao_agent/__init__.py").decode())
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise PackageMissing(name="agent.pyz") from error
    if found is None:
        raise PackageMissing(name="agent.pyz")
    files = {}
    for name in MEDIA:
        with suppress(PackageMissing):
            files[name] = {"sha256": digest_of(settings, name),
                           "bytes": (folder / name).stat().st_size}
    return found[1], files


def hub_of(request: Request[Any, Any, Any], settings: Settings) -> str:
    """The address by which this request reached the hub.

    Raises:
        BadRequest: its host is none; it would stand in a script.
    """
    host = request.headers.get("host", "")
    if not _host(host):
        raise BadRequest
    return f"{'https' if is_https(request, settings) else 'http'}://{host}"


def line(hub: str, token: str) -> str:
    """What is pasted on a site."""
    return f"curl -fsSL {hub}/relay/install.sh | sudo sh -s -- {token}"


async def _blocks(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while block := await asyncio.to_thread(file.read, BLOCK):
            yield block


@get("/relay/{name:str}", opt={"public": True, "anonymous": True}, include_in_schema=False)
async def package(
    request: Request[Any, Any, Any], platform: ThePlatform, name: FromPath[str]
) -> Response[Any] | Stream:
    """A package, its checksum, or the script that installs it."""
    settings = platform.settings
    if name == "install.sh":
        text = script(settings, hub_of(request, settings))
        return Response(text, media_type="text/x-shellscript")
    bare = name.removesuffix(".sha256")
    if bare not in MEDIA:
        raise PackageMissing(name=name[:40])
    digest = digest_of(settings, bare)
    if name != bare:
        return Response(f"{digest}  {bare}\n", media_type="text/plain")
    path = folder_of(settings) / bare
    return Stream(
        _blocks(path), media_type=MEDIA[bare],
        headers={"Content-Length": str(path.stat().st_size), "ETag": f'"{digest[:32]}"'},
    )


def script(settings: Settings, hub: str) -> str:
    """What the pasted line runs: with the self-contained agent, or the zip where that is missing.

    Raises:
        PackageMissing: neither was built.
    """
    try:
        steps = WHOLE.format(hub=hub, digest=digest_of(settings, "agent.tar.gz"))
    except PackageMissing:
        steps = ZIPPED.format(hub=hub, digest=digest_of(settings, "agent.pyz"))
    return SCRIPT.format(hub=hub, steps=steps)


routes: list[Any] = [package]
