"""Where files are kept: the folder that was named, and what an address that is none says."""

from __future__ import annotations

from pathlib import Path

import pytest

from vazao.kit.blobs import Blobs
from vazao.kit.errors import ConfigurationError, NotFound, Unavailable
from vazao.kit.platform import Platform
from vazao.kit.registry import Registry
from vazao.kit.settings import Settings

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("name", ["dados", "dados vazão", "100%25 #1?"])
async def test_files_lie_in_the_data_folder_that_was_named(tmp_path: Path, name: str) -> None:
    settings = Settings(
        data_dir=tmp_path / name, database_url="postgresql://x", secret="x" * 32  # type: ignore[call-arg]
    )
    blobs = Platform(settings, "postgresql://x", Registry()).blobs
    await blobs.put("sheets/a", b"name,email")
    assert (tmp_path / name / "blobs" / "sheets" / "a").read_bytes() == b"name,email"
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("url", ["file://{}", "file://localhost{}"])
def test_an_address_that_nobody_quoted(tmp_path: Path, url: str) -> None:
    assert Blobs(url.format(tmp_path / "dados vazão")).root == tmp_path / "dados vazão"
    assert (tmp_path / "dados vazão").is_dir()


@pytest.mark.parametrize(
    "url", ["/data/blobs", "foo://x", "s3://", "file://data/blobs", "file:///dev/null/blobs"]
)
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(ConfigurationError, match="VAZAO_BLOB_URL") as caught:
        Blobs(url)
    said = caught.value.message()
    assert "s3://bucket/prefix" in said
    assert "\n" not in said
    assert "Debug" not in said


async def test_a_store_that_cannot_be_read_or_written_is_unavailable(tmp_path: Path) -> None:
    """A file stands where a folder should: no such object, and no room for one."""
    blobs = Blobs((tmp_path / "blobs").as_uri())
    await blobs.put("a", b"1")
    for reading in (blobs.get("a/b"), blobs.read_range("a/b", 0, 1)):
        with pytest.raises(Unavailable) as caught:
            [chunk async for chunk in reading]
        assert "file storage cannot be read" in str(caught.value)
    with pytest.raises(Unavailable, match="cannot be written"):
        await blobs.put("a/b", b"1")
    with pytest.raises(NotFound, match="no longer exists"):
        [chunk async for chunk in blobs.get("b")]
