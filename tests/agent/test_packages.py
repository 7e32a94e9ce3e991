"""The agent's packages as they come to a site: built here, then started as a site starts them."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import platform
import re
import shutil
import ssl
import stat
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path

import pytest

from tests.support.sources import ROOT
from vazao_agent import __version__, libraries, packed

sys.path.insert(0, str(ROOT / "scripts"))
import agents

MOST_BYTES = 25_000_000
LIBRARY = Path("cryptography/hazmat/bindings/_rust.abi3.so")


def built(which: str) -> Path:
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "agents.py"), which],
        capture_output=True, text=True, check=False,
    )
    if done.returncode != 0:
        pytest.skip(f"NOT TESTED: the agent's packages ({done.stdout}{done.stderr})")
    return agents.BUILD / agents.PACKAGES[which][0]


@pytest.fixture(scope="session")
def pyz() -> Path:
    return built("pyz")


@pytest.fixture(scope="session")
def archive() -> Path:
    return built("tar")


def started(pyz: Path, home: Path, *arguments: str) -> subprocess.Popen[str]:
    """The zip under this Python, which sees no library but its own and those in the zip."""
    # A start as a user does it would find the libraries of the tests: -S leaves them out.
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-W", "error", str(pyz), *arguments], text=True,
        env={"XDG_CACHE_HOME": str(home)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    said, failed = process.communicate(timeout=60)
    return process.returncode, said, failed


def version(pyz: Path, home: Path) -> None:
    assert ended(started(pyz, home, "--version")) == (0, f"{__version__}\n", "")


def unpacked(home: Path) -> list[Path]:
    folder = home / "vazao-agent"
    return sorted(folder.iterdir()) if folder.is_dir() else []


def test_a_package_has_its_checksum_and_is_not_built_twice(pyz: Path, archive: Path) -> None:
    assert pyz.stat().st_size <= MOST_BYTES
    assert archive.stat().st_size <= MOST_BYTES
    for which, package in (("pyz", pyz), ("tar", archive)):
        digest = hashlib.sha256(package.read_bytes()).hexdigest()
        said = package.with_name(f"{package.name}.sha256").read_text()
        assert said == f"{digest}  {package.name}\n"
        before = package.stat().st_mtime_ns
        assert built(which).stat().st_mtime_ns == before


def test_the_zip_runs_and_unpacks_once(pyz: Path, tmp_path: Path) -> None:
    version(pyz, tmp_path)
    (folder,) = unpacked(tmp_path)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    first = (folder / LIBRARY).stat().st_ino
    version(pyz, tmp_path)
    assert unpacked(tmp_path) == [folder]
    assert (folder / LIBRARY).stat().st_ino == first


def test_libraries_stand_in_the_state_that_was_named(pyz: Path, tmp_path: Path) -> None:
    state, home = tmp_path / "state", tmp_path / "home"
    for given in (("--state", str(state)), (f"--state={state}",)):
        code, _, said = ended(started(pyz, home, "once", *given))
        assert (code, said.split(":")[0]) == (1, "agent_state_lost")
        assert stat.S_IMODE(state.stat().st_mode) == 0o700
        assert len(list((state / "packed").iterdir())) == 1
        assert unpacked(home) == []
        shutil.rmtree(state)


def test_a_state_in_which_others_may_write_is_not_loaded_from(pyz: Path, tmp_path: Path) -> None:
    state, home = tmp_path / "state", tmp_path / "home"
    state.mkdir()
    state.chmod(0o777)
    assert ended(started(pyz, home, "once", "--state", str(state)))[0] == 1
    assert not list(state.iterdir())
    assert len(unpacked(home)) == 1


def test_where_nothing_can_be_unpacked_one_sentence_says_so(pyz: Path, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    code, said, failed = ended(started(pyz, tmp_path, "--version"))
    assert (code, said, failed.count("\n")) == (1, "", 1)
    assert f"others may write in {tmp_path}" in failed
    assert "--state" in failed


def test_starts_at_the_same_moment_all_work(pyz: Path, tmp_path: Path) -> None:
    starting = [started(pyz, tmp_path, "--version") for _ in range(4)]
    assert [ended(each) for each in starting] == [(0, f"{__version__}\n", "")] * 4
    assert len(unpacked(tmp_path)) == 1


def damaged(pyz: Path, target: Path, *, body: bytes) -> Path:
    """A copy whose wheel of cryptography for this machine has *body* at its end; a sound zip."""
    with zipfile.ZipFile(pyz) as whole, zipfile.ZipFile(target, "w") as other:
        for name in whole.namelist():
            changed = body if "/cryptography" in name and "manylinux" in name else b""
            other.writestr(name, whole.read(name) + changed)
    return target


def test_a_wheel_that_is_not_its_sum_is_refused(pyz: Path, tmp_path: Path) -> None:
    version(damaged(pyz, tmp_path / "same.pyz", body=b""), tmp_path / "first")
    wrong = damaged(pyz, tmp_path / "wrong.pyz", body=b"\0")
    code, said, failed = ended(started(wrong, tmp_path / "second", "--version"))
    assert (code, said, failed.count("\n")) == (1, "", 1)
    assert "damaged" in failed
    assert "cryptography" in failed
    assert unpacked(tmp_path / "second") == []


def test_a_zip_cut_or_flipped_on_its_way_is_refused(pyz: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(pyz) as whole:
        wheels = [each for each in whole.infolist() if each.filename.startswith("wheels/")]
    body = bytearray(pyz.read_bytes())
    for wheel in wheels:
        body[wheel.header_offset + wheel.file_size // 2] ^= 1
    flipped = tmp_path / "flipped.pyz"
    flipped.write_bytes(body)
    code, _, failed = ended(started(flipped, tmp_path / "home", "--version"))
    assert (code, failed.count("\n")) == (1, 1)
    assert "damaged" in failed


def test_libraries_that_are_not_whole_are_unpacked_anew(pyz: Path, tmp_path: Path) -> None:
    version(pyz, tmp_path)
    (folder,) = unpacked(tmp_path)
    for harmed, harm in (
        (folder / LIBRARY, Path.unlink),
        (folder / "cryptography" / "exceptions.py", lambda file: file.write_bytes(b"")),
        (folder / libraries.CONTENTS, Path.unlink),
    ):
        before = harmed.read_bytes()
        harm(harmed)
        version(pyz, tmp_path)
        assert harmed.read_bytes() == before
        assert unpacked(tmp_path) == [folder]


def test_what_killed_starts_and_former_versions_left_goes(pyz: Path, tmp_path: Path) -> None:
    for name, age in (
        (".new-killed", libraries.LEFT_SECONDS), (".new-busy", 0),
        ("former", libraries.UNUSED_SECONDS), ("latest", libraries.LEFT_SECONDS),
    ):
        folder = tmp_path / "vazao-agent" / name
        folder.mkdir(parents=True)
        moment = time.time() - age - (60 if age else 0)
        os.utime(folder, (moment, moment))
    version(pyz, tmp_path)
    left = {each.name for each in unpacked(tmp_path) if len(each.name) < 32}
    assert left == {".new-busy", "latest"}


@pytest.mark.parametrize(("kind", "number", "flags"), [
    ("cpython", (2, 7, 18), ""), ("cpython", (3, 10, 13), ""), ("cpython", (3, 15, 0), ""),
    ("pypy", (3, 11, 13), ""), ("cpython", (3, 14, 0), "t"),
])
def test_an_unfit_interpreter_is_told_apart(kind: str, number: tuple[int, ...], flags: str) -> None:
    sentence = packed.unfit(number, kind, flags)
    assert sentence
    assert f"{kind} {'.'.join(map(str, number))}{flags}." in sentence
    assert "agent.tar.gz" in sentence


def test_the_start_can_be_read_by_old_interpreters(pyz: Path) -> None:
    with zipfile.ZipFile(pyz) as whole:
        ast.parse(whole.read("__main__.py"), feature_version=(3, 4))
        for name in ("__init__", "packed", "libraries", "launching", "files", "versions"):
            tree = ast.parse(whole.read(f"vazao_agent/{name}.py"), feature_version=(3, 6))
            # Annotations are read as the function is: what is newer stands in quotes.
            notes = [each for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)
                     for each in [node.returns, *(a.annotation for a in node.args.args)]]
            assert not [each for each in notes if isinstance(each, ast.Subscript | ast.BinOp)]


@pytest.mark.parametrize("minor", range(packed.OLDEST[1], packed.NEWEST[1] + 1))
@pytest.mark.parametrize("here", ["linux_x86_64_2.17", "linux_aarch64_2.36", "win_amd64"])
def test_each_platform_and_python_has_its_wheels(pyz: Path, here: str, minor: int) -> None:
    with zipfile.ZipFile(pyz) as whole:
        wheels = json.loads(whole.read("wheels.json"))
    found = sorted(name.split("-")[0] for name in wheels if packed.fits(name, here, minor))
    assert found == ["cffi", "cryptography"]


@pytest.mark.parametrize("here", [
    "linux_x86_64_2.16", "linux_x86_64_without_glibc", "linux_i686_2.36", "darwin_arm64",
    "linux_32bit_2.36", "win_arm64",
])
def test_other_platforms_have_none(pyz: Path, here: str) -> None:
    with zipfile.ZipFile(pyz) as whole:
        wheels = json.loads(whole.read("wheels.json"))
    assert not [name for name in wheels if packed.fits(name, here, 13)]


def test_this_machine_is_named_as_wheels_name_it() -> None:
    assert re.fullmatch(r"linux_\w+_(2\.\d+|without_glibc)", packed.machine())


def test_the_self_contained_one_runs_where_nothing_is_set(archive: Path, tmp_path: Path) -> None:
    with tarfile.open(archive) as packing:
        packing.extractall(tmp_path, filter="data")
    folder = tmp_path / "vazao-agent"
    command = ["env", "-i", str(folder / "vazao-agent")]
    assert subprocess.check_output([*command, "--version"], text=True) == f"{__version__}\n"
    assert list(folder.rglob("zstandard/backend_c*.so"))
    needs = (folder / "NEEDS").read_text()
    assert needs.startswith(f"Linux {platform.machine()} with zlib and glibc ")
    found = re.search(r" (\d+)\.(\d+) or newer\n$", needs)
    assert found
    glibc = tuple(map(int, found.groups()))
    here = tuple(map(int, platform.libc_ver()[1].split(".")))
    assert glibc <= here
    # What was built on a later system than sites have may need more: the build says so.
    if here <= (2, 36):
        assert glibc <= tuple(map(int, packed.GLIBC.split(".")))


def test_the_self_contained_one_finds_the_systems_certificates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.touch()
    monkeypatch.setattr(packed, "BUNDLES", (str(tmp_path / "none.pem"), str(bundle)))
    for known, expected in ((None, str(bundle)), ("/known", "")):
        paths = ssl.get_default_verify_paths()._replace(cafile=known, capath=None)
        monkeypatch.setattr(ssl, "get_default_verify_paths", lambda paths=paths: paths)
        monkeypatch.setenv("SSL_CERT_FILE", "")
        packed.settle()
        assert os.environ["SSL_CERT_FILE"] == expected


@pytest.mark.parametrize("before", [None, "/theirs"])
def test_programs_of_the_system_find_their_own_libraries(
    before: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packed, "BUNDLES", ())
    monkeypatch.setenv("LD_LIBRARY_PATH", "/inside")
    monkeypatch.setenv("LD_LIBRARY_PATH_ORIG", before or "")
    packed.settle()
    assert os.environ.get("LD_LIBRARY_PATH") == before


def test_what_cannot_be_built_leaves_the_former_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(agents, "BUILD", tmp_path)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    for offered in ("none", "its former one"):
        if offered != "none":
            agents.build("agent.pyz", "before", lambda fresh: fresh.write_bytes(b"former"))
        assert agents.main(["pyz"]) == 1
        assert f"agent.pyz was not built: a hub here offers {offered}." in capsys.readouterr().out
    assert (tmp_path / "agent.pyz").read_text() == "former"
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        ".agent.pyz.stamp", ".lock", "agent.pyz", "agent.pyz.sha256",
    ]


def test_packages_hold_what_the_agent_is_tested_with() -> None:
    pins = agents.PINS.read_text()
    assert pins.count("--hash=sha256:") > pins.count("==")
    assert not re.search(r"#|://|--index|--find-links", pins)
    tested = (ROOT / "requirements" / "dev.txt").read_text()
    for name in (*agents.PURE, *agents.COMPILED, "zstandard"):
        (pin,) = re.findall(rf"^{name}==\S+", pins, re.MULTILINE)
        assert f"\n{pin} " in tested
