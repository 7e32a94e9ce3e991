"""The browser's libraries: pinned, verified, without an address, and gathered only when needed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import assets  # noqa: E402


def test_every_package_is_pinned_exactly_and_verified_by_its_hash() -> None:
    package = json.loads((ROOT / "package.json").read_text())
    wanted = package["dependencies"] | package["devDependencies"]
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    for name, version in wanted.items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version)
        assert packages[f"node_modules/{name}"]["version"] == version
    for path, entry in packages.items():
        assert "resolved" not in entry
        assert not path or entry["integrity"].startswith("sha512-")


def test_a_folder_is_current_only_whole_and_with_the_locks_digest(tmp_path: Path) -> None:
    modules, vendor = tmp_path / "modules", tmp_path / "vendor"
    for source in assets.FILES:
        (modules / source).parent.mkdir(parents=True, exist_ok=True)
        (modules / source).write_text(source)
    assert not assets.is_current(vendor, "d")
    assets.copy(modules, vendor, "d")
    assert assets.is_current(vendor, "d")
    assert not assets.is_current(vendor, "other")
    (vendor / "htmx.min.js").unlink()
    assert not assets.is_current(vendor, "d")
    assert [path.name for path in tmp_path.iterdir() if path.name[0] == "."] == []


def test_a_copy_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    vendor = tmp_path / "vendor"
    vendor.mkdir()
    (vendor / "old.js").write_text("1")
    with pytest.raises(FileNotFoundError):
        assets.copy(tmp_path / "nothing", vendor, "d")
    assert [path.name for path in tmp_path.rglob("*")] == ["vendor", "old.js"]


def test_every_library_comes_with_its_licence() -> None:
    libraries = {name.split(".")[0] for name in assets.FILES.values()}
    assert all(f"{name}.LICENSE.txt" in assets.FILES.values() for name in libraries)


def test_what_is_gathered_is_not_gathered_again() -> None:
    digest = assets.fingerprint(ROOT)
    if not assets.is_current(assets.VENDOR, digest):
        pytest.skip("NOT TESTED: the libraries are not gathered; run make install")
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "assets.py"], capture_output=True, check=True
    )
    assert done.stdout == b""
