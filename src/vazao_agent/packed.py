"""The start of ``agent.pyz``, and of the self-contained agent: makes ready what a package brings.

Python loads no compiled library out of a zip, so the wheels of ``cryptography`` and ``cffi`` lie in
``agent.pyz`` as files, and those that fit the interpreter are unpacked: into the agent's state
where that is named by ``--state`` or stands in its place, since a service may write nowhere else;
otherwise into the user's cache, since asking for the version must leave nothing in ``/var/lib``.

Python 3.6 can read this file, to say that it is too old: hence no newer syntax.
"""

import json
import os
import re
import sys
import zipfile
from pathlib import Path

from vazao_agent import launching
from vazao_agent.libraries import load

OLDEST, NEWEST = (3, 11), (3, 14)
PLATFORMS = ("manylinux2014_x86_64", "manylinux2014_aarch64", "win_amd64")
GLIBC = "2.35"
NEEDS = f"Linux x86_64 with zlib and glibc {GLIBC} or newer (from Debian 12, Ubuntu 22.04 on)"
"""What the self-contained agent runs on, where it was built on Debian 12."""

INSTEAD = f"Take the self-contained agent.tar.gz, with Python inside: for {NEEDS}."
UNFIT = "This agent.pyz runs on CPython 3.11 to 3.14, and this is {}. " + INSTEAD
FOREIGN = "This agent.pyz has no libraries for {}. " + INSTEAD
DAMAGED = "This agent.pyz is damaged ({}). Fetch it again from the hub, and compare its .sha256."
NOWHERE = (
    "The agent's libraries cannot be unpacked and loaded: {}. Name a folder of this user with "
    "--state, on a disk with 20 MB free that is not mounted noexec."
)
STATE = "/var/lib/vazao-agent" if os.name != "nt" else "C:/ProgramData/vazao-agent"
BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
           "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem")


def unfit(version: "tuple[int, ...]", kind: str, flags: str = "") -> "str | None":
    """A sentence where an interpreter of that version and kind cannot run ``agent.pyz``."""
    # Those without a global lock ("t") load no library of the stable interface.
    if kind == "cpython" and "t" not in flags and OLDEST <= tuple(version[:2]) <= NEWEST:
        return None
    return UNFIT.format("{} {}{}".format(kind, ".".join(map(str, version[:3])), flags))


def machine() -> str:
    """This platform: ``win_amd64`` as wheels name it, ``linux_x86_64_2.36`` with the glibc."""
    import platform

    processor = platform.machine().lower() if sys.maxsize > 2**32 else "32bit"
    if sys.platform != "linux":
        return "{}_{}".format("win" if os.name == "nt" else sys.platform, processor)
    name, version = platform.libc_ver()
    return "linux_{}_{}".format(processor, version if name == "glibc" else "without_glibc")


def fits(wheel: str, here: str, minor: int) -> bool:
    """Whether the wheel of that name is for the platform *here* and for Python 3.*minor*."""
    python, abi, platforms = wheel[: -len(".whl")].split("-")[-3:]
    built_for = int(python[len("cp3"):])
    if not (built_for <= minor if abi == "abi3" else built_for == minor):
        return False
    found = re.match(r"linux_(.+)_(\d+)\.(\d+)$", here)
    wanted = re.search(r"manylinux_(\d+)_(\d+)_(\w+)", platforms)
    if not found or not wanted:
        return here in platforms.split(".")
    return found.group(1) == wanted.group(3) and (
        (int(wanted.group(1)), int(wanted.group(2))) <= (int(found.group(2)), int(found.group(3)))
    )


def places(arguments: "list[str]") -> "list[Path]":
    """Where to unpack, the best first."""
    named = any(each.split("=")[0] == "--state" for each in arguments)
    state = launching.state_of(arguments, STATE)
    cache = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    user = Path(cache or os.path.join(os.path.expanduser("~"), ".cache"), "vazao-agent")
    return [state / "packed", user] if named or state.is_dir() else [user]


def prepare() -> None:
    """Make the libraries of ``agent.pyz`` importable, or end with one sentence."""
    flags = getattr(sys, "abiflags", "")
    sentence = unfit(sys.version_info[:3], sys.implementation.name, flags)
    if sentence:
        sys.exit(sentence)
    archive, here, failures = Path(__file__).resolve().parents[1], machine(), []
    try:
        wheels = json.loads(zipfile.ZipFile(str(archive)).read("wheels.json").decode())
        fitting = {name: wheels[name] for name in wheels if fits(name, here, sys.version_info[1])}
        if {name.split("-")[0] for name in fitting} != {name.split("-")[0] for name in wheels}:
            sys.exit(FOREIGN.format(here))
        for place in places(sys.argv[1:]):
            try:
                return load(archive, fitting, place)
            except (OSError, ImportError) as error:
                failures.append(str(error))
    except (zipfile.BadZipFile, KeyError) as error:
        sys.exit(DAMAGED.format(error))
    sys.exit(NOWHERE.format("; ".join(failures)))


def settle() -> None:
    """Let the self-contained agent use what the system has, though it brings libraries of its own.

    Its OpenSSL knows where the certificates are on the system that built it; and programs that it
    starts must not find its libraries before theirs.
    """
    import ssl

    known = ssl.get_default_verify_paths()
    found = [each for each in BUNDLES if os.path.isfile(each)]
    if not known.cafile and not known.capath and found:
        os.environ["SSL_CERT_FILE"] = found[0]
    before = os.environ.pop("LD_LIBRARY_PATH_ORIG", "")
    os.environ.pop("LD_LIBRARY_PATH", None)
    if before:
        os.environ["LD_LIBRARY_PATH"] = before
