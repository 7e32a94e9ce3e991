"""A newer agent, offered by the hub and signed by the publisher of the lists."""

from __future__ import annotations

import hashlib
import shutil
import sys
import tarfile
from pathlib import Path

from vazao_agent import __version__, launching
from vazao_agent.errors import AgentError
from vazao_agent.hub import Hub
from vazao_agent.identity import Identity, genuine, unb64
from vazao_agent.wire import Release, newer

PYZ, WHOLE = "agent.pyz", "agent.tar.gz"
BLOCK = 1 << 18


def package() -> str | None:
    """The package that this program came in; ``None``: it runs from its sources."""
    if getattr(sys, "frozen", False):
        return WHOLE
    return PYZ if sys.argv[0].endswith(".pyz") else None


def offered(folder: Path, identity: Identity, hub: Hub, offer: dict[str, str]) -> bool:
    """Fetch the agent that the hub offers, if it is newer and was not tried in vain; whether a
    restart will run it.

    Raises:
        AgentError: it is not what the publisher signed, or cannot be fetched or kept.
    """
    name = package()
    document = unb64(offer["document"])
    if not genuine(identity.publisher, offer["signature"], document):
        raise AgentError("agent_error", "An agent came without its publisher's signature.")
    release = Release.of(document)
    if release.organization != identity.organization:
        raise AgentError("agent_error", "An agent came that is signed for another organization.")
    known = launching.read(folder)
    refused = known.get("refused") or {}
    if name not in release.files or not newer(release.version, __version__) or (
        refused.get("version") == release.version
    ):
        return False
    place = folder / "program" / release.version
    try:
        path = _fetch(hub, place, name, release)
        launching.write(folder, {
            "current": known.get("current"), "refused": known.get("refused"),
            "trial": {"version": release.version, "path": str(path)},
        })
        _clear(folder, known.get("current"), release.version)
    except (OSError, tarfile.TarError) as error:
        shutil.rmtree(place, ignore_errors=True)
        raise AgentError("disk_full" if getattr(error, "errno", 0) == 28 else "agent_error",
                         f"The newer agent cannot be kept: {error}.") from error
    return True


def _fetch(hub: Hub, place: Path, name: str, release: Release) -> Path:
    """The program, fetched and held to its digest."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True, mode=0o700)
    file, digest, size = place / name, hashlib.sha256(), 0
    wanted = release.files[name]
    with file.open("wb") as kept:
        for block in hub.fetch(f"/relay/{name}"):
            size += len(block)
            if size > wanted["bytes"]:
                break
            digest.update(block)
            kept.write(block)
    if size != wanted["bytes"] or digest.hexdigest() != wanted["sha256"]:
        shutil.rmtree(place, ignore_errors=True)
        raise AgentError("agent_error", "The newer agent is not the one that was signed.")
    if name == PYZ:
        return file
    with tarfile.open(file) as archive:
        archive.extractall(place, filter="data")
    file.unlink()
    return place / "vazao-agent" / "vazao-agent"


def _clear(folder: Path, current: dict[str, str] | None, version: str) -> None:
    """Remove programs that nothing runs."""
    kept = {version, (current or {}).get("version"), __version__}
    for each in (folder / "program").iterdir():
        if each.name not in kept:
            shutil.rmtree(each, ignore_errors=True)
