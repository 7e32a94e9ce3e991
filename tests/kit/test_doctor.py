"""``vazao doctor``: what is in order, and what each thing that is not says."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.support.databases import address
from vazao.kit import doctor
from vazao.kit.errors import ConfigurationError, VazaoError
from vazao.kit.registry import Check, Registry
from vazao.kit.settings import Settings
from vazao.migrations import head


def settings(database_url: str, data_dir: Path, **more: object) -> Settings:
    return Settings(database_url=database_url, data_dir=data_dir, secret="0" * 32, **more)  # type: ignore[arg-type]


def examined(
    capsys: pytest.CaptureFixture[str], chosen: Settings, registry: Registry | None = None
) -> tuple[bool, dict[str, str]]:
    """Whether all is well, and each line by its name."""
    good = asyncio.run(doctor.examine(chosen, registry or Registry(schema_head=head())))
    lines = capsys.readouterr().out.splitlines()
    return good, {line.split()[1]: line for line in lines}


def test_all_is_well(
    database_url: str, data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, lines = examined(capsys, settings(database_url, data_dir))
    assert good
    assert list(lines) == ["configuration", "disk", "files", "cache", "database", "role",
                           "extensions", "migrations", "clock"]
    assert all(line.startswith("✓") for line in lines.values())


def test_a_superuser_is_warned_of(
    database_url: str, server_url: str, data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mighty = address(server_url, urlsplit(database_url).path[1:])
    good, lines = examined(capsys, settings(mighty, data_dir))
    assert good, "it works, so nothing that waits for doctor shall stop"
    assert [name for name, line in lines.items() if not line.startswith("✓")] == ["role"]
    assert re.match(r"! role .* is a superuser .* VAZAO_DATABASE_URL", lines["role"])


def test_a_database_behind_the_program(
    database_url: str, data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with psycopg.connect(database_url) as conn:
        conn.execute("update alembic_version set version_num = '0001'")
    good, lines = examined(capsys, settings(database_url, data_dir))
    assert not good
    assert lines["migrations"].startswith("✗")
    assert "vazao migrate" in lines["migrations"]


def test_a_database_that_is_down(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, lines = examined(capsys, settings("postgresql://127.0.0.1:1/x", data_dir))
    assert not good
    assert lines["disk"].startswith("✓")
    assert "VAZAO_DATABASE_URL" in lines["database"]


@pytest.mark.parametrize(("share", "said"), [
    (1.5, "new files are refused"), (3, "unfinished uploads stop"),
])
def test_a_disk_below_its_floor_is_told(
    database_url: str, data_dir: Path, capsys: pytest.CaptureFixture[str], share: float, said: str
) -> None:
    free = shutil.disk_usage(data_dir).free
    chosen = settings(database_url, data_dir, disk_floor_bytes=int(free * share))
    good, lines = examined(capsys, chosen)
    assert not good
    assert lines["disk"].startswith("✗")
    assert said in lines["disk"]
    assert "VAZAO_DISK_FLOOR_BYTES" in lines["disk"]


def test_without_a_floor_any_room_will_do(
    database_url: str, data_dir: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    few = shutil.disk_usage(data_dir)._replace(free=1 << 20)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: few)
    _, lines = examined(capsys, settings(database_url, data_dir, disk_floor_bytes=0))
    assert lines["disk"].startswith("✓")


def test_a_feature_that_is_ill_does_not_hide_the_rest(
    database_url: str, data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def ill(platform: object) -> str:
        raise ConfigurationError("It is ill.", remedy="Feed it.")

    async def well(platform: object) -> str:
        return "fine"

    registry = Registry(schema_head=head(), checks=[Check("ill", ill), Check("well", well)])
    good, lines = examined(capsys, settings(database_url, data_dir), registry)
    assert not good
    assert lines["ill"].endswith("It is ill. Feed it.")
    assert lines["well"].endswith("fine")


def test_a_proxy_setting_that_cannot_be_read(
    database_url: str, data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, lines = examined(
        capsys, settings(database_url, data_dir, trusted_proxies="10.0.0.0/33")
    )
    assert not good
    assert "VAZAO_TRUSTED_PROXIES" in lines["configuration"]


def test_a_file_store_that_cannot_be_used(
    database_url: str, data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, lines = examined(capsys, settings(database_url, data_dir, blob_url="foo://x"))
    assert not good
    assert [name for name, line in lines.items() if line.startswith("✗")] == ["files"]
    assert "VAZAO_BLOB_URL" in lines["files"]


def test_the_address_of_the_pooler_is_looked_at_too(
    database_url: str, data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    direct = f"{database_url}?options="
    good, lines = examined(
        capsys, settings(database_url, data_dir, database_direct_url=direct)
    )
    assert good
    assert lines["pooler"].startswith("✓")
    good, lines = examined(
        capsys,
        settings("postgresql://127.0.0.1:1/x", data_dir, database_direct_url=database_url),
    )
    assert not good
    assert [name for name, line in lines.items() if line.startswith("✗")] == ["pooler"]
    assert "VAZAO_DATABASE_URL" in lines["pooler"]


@asynccontextmanager
async def cache(answers: dict[bytes, bytes]) -> AsyncIterator[str]:
    """A server that answers the commands of a cache; its address."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while count := await reader.readline():
            for _ in range(int(count[1:])):
                await reader.readline()
                word = await reader.readline()
                if word.strip() in answers:
                    writer.write(answers[word.strip()])
        writer.close()
        await writer.wait_closed()
        left.set()

    left = asyncio.Event()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        await left.wait()


async def ping(answers: dict[bytes, bytes], credentials: str = "") -> str:
    async with cache(answers) as address:
        try:
            await doctor.ping_cache(f"redis://{credentials}{address}/0")
        except VazaoError as error:
            return error.message()
    return "there"


def test_a_cache_that_answers() -> None:
    assert asyncio.run(ping({b"PING": b"+PONG\r\n"})) == "there"


def test_a_cache_with_a_password() -> None:
    answers = {b"AUTH": b"+OK\r\n", b"PING": b"+PONG\r\n"}
    assert asyncio.run(ping(answers, ":s3cret@")) == "there"


def test_a_cache_that_wants_a_password() -> None:
    said = asyncio.run(ping({b"PING": b"-NOAUTH Authentication required.\r\n"}))
    assert "NOAUTH" in said
    assert "VAZAO_CACHE_URL" in said


def test_no_cache_there() -> None:
    with pytest.raises(ConfigurationError, match="does not answer"):
        asyncio.run(doctor.ping_cache("redis://127.0.0.1:1/0"))
