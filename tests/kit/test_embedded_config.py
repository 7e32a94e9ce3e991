"""The embedded database's settings: fitted to the machine, and safe to write down."""

from __future__ import annotations

from pathlib import Path

import pytest

from vazao.kit.embedded.config import GB, MB, config_text, memory_limit, sizes
from vazao.kit.errors import ConfigurationError


@pytest.mark.parametrize(
    ("memory", "disk", "buffers", "wal"),
    [
        (256 * MB, 100 * GB, "128MB", "1024MB"),
        (16 * GB, 100 * GB, "6553MB", "4096MB"),
        (256 * GB, 1000 * GB, "32768MB", "16384MB"),
        (4 * GB, 2 * GB, "1024MB", "512MB"),
    ],
)
def test_sizes_follow_memory_and_disk(memory: int, disk: int, buffers: str, wal: str) -> None:
    fitted = sizes(memory, disk)
    assert (fitted["shared_buffers"], fitted["max_wal_size"]) == (buffers, wal)


@pytest.mark.parametrize(
    ("membership", "limit_file"),
    [("0::/a/b\n", "a/memory.max"), ("5:cpu,memory:/a\n", "memory/a/memory.limit_in_bytes")],
)
def test_a_container_s_memory_limit_counts(
    tmp_path: Path, membership: str, limit_file: str
) -> None:
    (tmp_path / "membership").write_text(membership)
    file = tmp_path / "root" / limit_file
    file.parent.mkdir(parents=True)
    file.write_text(f"{64 * MB}\n")
    assert memory_limit(tmp_path / "membership", tmp_path / "root") == 64 * MB
    file.write_text("max\n")
    assert memory_limit(tmp_path / "membership", tmp_path / "root") > 64 * MB


def test_settings_are_quoted_or_refused() -> None:
    assert "search_path = '''a'', b\\\\c'\n" in config_text({"search_path": "'a', b\\c"})
    for name, value in (("a b", "1"), ("port", "1\nfsync = off")):
        with pytest.raises(ConfigurationError, match="is not a PostgreSQL setting"):
            config_text({name: value})
