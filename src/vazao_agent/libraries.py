"""Wheels in ``agent.pyz`` become a folder to import from: whole or not at all, its user's alone.

A folder is named by what it holds, so versions of the agent stand beside each other. A folder in
which others may write is never used: they could put code there that root runs.

Python 3.6 can read this file, as it must :mod:`vazao_agent.packed`.
"""

import hashlib
import importlib
import io
import json
import os
import shutil
import sys
import tempfile
import time
import zipfile
from contextlib import suppress
from pathlib import Path

LEFT_SECONDS, UNUSED_SECONDS = 3600, 30 * 86400
CONTENTS = "contents.json"


def load(archive: Path, wheels: "dict[str, str]", folder: Path) -> None:
    """Import the libraries from *folder*, unpacked anew where they are not whole.

    Args:
        wheels: names in *archive*, and their SHA-256.

    Raises:
        OSError, ImportError: it cannot be done there.
        zipfile.BadZipFile: a wheel is not what its SHA-256 says.
    """
    own(folder)
    target = folder / hashlib.sha256("".join(sorted(wheels.values())).encode()).hexdigest()[:32]
    if not whole(target):
        shutil.rmtree(str(target), ignore_errors=True)
        unpack(archive, wheels, target)
    sys.path.insert(0, str(target))
    try:
        importlib.import_module("cryptography.exceptions")
    except ImportError:
        sys.path.remove(str(target))
        for name in [each for each in sys.modules if each.startswith("cryptography")]:
            del sys.modules[name]
        raise
    clear(folder, target)


def own(folder: Path) -> None:
    """Make *folder* and its parent where they are missing.

    Raises:
        OSError: they cannot be made, or others may write in them.
    """
    for each in (folder.parent, folder):
        each.mkdir(parents=True, exist_ok=True, mode=0o700)
        about = each.stat()
        if os.name != "nt" and (about.st_uid != os.geteuid() or about.st_mode & 0o022):
            raise PermissionError(f"others may write in {each}")


def whole(folder: Path) -> bool:
    """Whether *folder* has every file that was unpacked there, in its length."""
    try:
        sizes = json.loads((folder / CONTENTS).read_text())
        return all((folder / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError):
        return False


def unpack(archive: Path, wheels: "dict[str, str]", target: Path) -> None:
    """Unpack *wheels* into *target*, whole or not at all, also while others do the same.

    Raises:
        zipfile.BadZipFile: a wheel is not what its SHA-256 says.
    """
    fresh = Path(tempfile.mkdtemp(prefix=".new-", dir=str(target.parent)))
    try:
        for name, digest in wheels.items():
            body = zipfile.ZipFile(str(archive)).read("wheels/" + name)
            if hashlib.sha256(body).hexdigest() != digest:
                raise zipfile.BadZipFile(name)
            zipfile.ZipFile(io.BytesIO(body)).extractall(str(fresh))
        # After a power cut, a folder that stands has its files.
        files = list(filter(Path.is_file, fresh.rglob("*")))
        sizes = {each.relative_to(fresh).as_posix(): each.stat().st_size for each in files}
        (fresh / CONTENTS).write_text(json.dumps(sizes))
        for each in [*files, fresh / CONTENTS]:
            with each.open("rb+") as file:
                os.fsync(file.fileno())
        try:
            fresh.rename(target)
        except OSError:
            if not target.is_dir():
                raise
    finally:
        shutil.rmtree(str(fresh), ignore_errors=True)


def clear(folder: Path, used: Path) -> None:
    """Remove what killed starts have left in *folder*, and what no version has used for long."""
    # Another start may do the same at this moment.
    with suppress(OSError):
        os.utime(str(used))
    for each in folder.iterdir():
        longest = LEFT_SECONDS if each.name.startswith(".") else UNUSED_SECONDS
        with suppress(OSError):
            if time.time() - each.stat().st_mtime > longest:
                shutil.rmtree(str(each), ignore_errors=True)
