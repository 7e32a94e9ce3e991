"""What the embedded PostgreSQL is told: settings fitted to this machine's memory and disk.

Sizes follow the PostgreSQL manual's advice for a machine that the database shares with its
application (chapters 19.4 and 28.5): a quarter to two fifths of the memory for shared buffers,
and few, large checkpoints, because imports write in bursts.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from vazao.kit.errors import ConfigurationError

MB = 1024 * 1024
GB = 1024 * MB

FIXED = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "max_connections": "200",
    "work_mem": "32MB",
    "random_page_cost": "1.1",
    # Compiling costs more than it saves on the short statements that make up nearly all work.
    "jit": "off",
    "checkpoint_timeout": "15min",
    "checkpoint_completion_target": "0.9",
    # The wheel is built without lz4 and zstd; pglz halves the WAL of an import and doubles its
    # time (docs/decisions/0028).
    "wal_compression": "off",
    "timezone": "UTC",
    "shared_preload_libraries": "pg_stat_statements",
    "track_io_timing": "on",
    # Queue tables turn over many times a minute and imports rewrite large parts of a base:
    # the defaults (a fifth of a table, once a minute) let both bloat.
    "autovacuum_naptime": "15s",
    "autovacuum_vacuum_scale_factor": "0.05",
    "autovacuum_vacuum_insert_scale_factor": "0.1",
    "autovacuum_analyze_scale_factor": "0.02",
    "autovacuum_vacuum_cost_limit": "2000",
}

LOGGING = {
    "logging_collector": "on",
    # One file a weekday, overwritten a week later.
    "log_filename": "postgresql-%a.log",
    "log_file_mode": "0600",
    "log_truncate_on_rotation": "on",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %a query_id=%Q ",
    "log_min_duration_statement": "2s",
    "log_lock_waits": "on",
    # People's data must never reach a log. Parameters and failing statements carry it; so do the
    # DETAIL of an error (a duplicate's key, cut off by "terse") and the text of some errors
    # (`invalid input syntax for type integer: "…"`), which is why plain errors are left to the
    # client that caused them: "log" keeps LOG, FATAL and PANIC only.
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_min_error_statement": "panic",
    "log_min_messages": "log",
    "log_error_verbosity": "terse",
}


def _cgroup_folders(membership: str, root: Path) -> Iterator[Path]:
    """The folders (version 1 and 2) whose memory limit binds a process, innermost first."""
    for line in membership.splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        base = root / "memory" if controllers else root
        folder = base / path.lstrip("/")
        yield from (f for f in (folder, *folder.parents) if f.is_relative_to(base))


def memory_limit(
    membership: Path = Path("/proc/self/cgroup"), root: Path = Path("/sys/fs/cgroup")
) -> int:
    """Bytes of memory this process may count on: the machine's, or its control group's if less."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    folders = _cgroup_folders(membership.read_text(), root) if membership.is_file() else ()
    for folder in folders:
        for name in ("memory.max", "memory.limit_in_bytes"):
            file = folder / name
            text = file.read_text().strip() if file.is_file() else ""
            if text.isdigit():
                limits.append(int(text))
    return min(limits)


def clamp(value: int, low: int, high: int) -> int:
    """*value*, but at least *low* and at most *high*."""
    return max(low, min(value, high))


def sizes(memory: int, free_disk: int) -> dict[str, str]:
    """Settings that depend on the machine.

    Args:
        memory: bytes that this machine or container has.
        free_disk: bytes free where the data lies.
    """
    wal = clamp(min(clamp(memory // 4, GB, 16 * GB), free_disk // 4), 64 * MB, 16 * GB)
    amounts = {
        # Where there is enough, 40 % instead of a quarter: with a base of 40 million leads an
        # import's pages then stay (docs/performance.md).
        "shared_buffers": clamp(
            memory * 2 // 5 if memory >= 8 * GB else memory // 4, 128 * MB, 32 * GB
        ),
        "effective_cache_size": max(memory // 2, 256 * MB),
        "maintenance_work_mem": clamp(memory // 16, 64 * MB, 2 * GB),
        "max_wal_size": wal,
        "min_wal_size": clamp(wal // 4, 32 * MB, GB),
    }
    return {name: f"{amount // MB}MB" for name, amount in amounts.items()}


def shared_memory() -> dict[str, str]:
    """Where parallel queries meet: on disk if ``/dev/shm`` is as small as containers make it."""
    shm = Path("/dev/shm")  # noqa: S108 (looked at, never written to)
    small = shm.is_dir() and shutil.disk_usage(shm).total < 256 * MB
    return {"dynamic_shared_memory_type": "mmap" if small else "posix"}


def settings_for(folder: Path, *, port: int, log_folder: Path) -> dict[str, str]:
    """All settings of a server whose data lies in *folder*, which must exist."""
    return {
        **FIXED,
        **LOGGING,
        **sizes(memory_limit(), shutil.disk_usage(folder).free),
        **shared_memory(),
        "log_directory": str(log_folder),
        "port": str(port),
    }


def config_text(settings: Mapping[str, str]) -> str:
    """*settings* as the text of a ``postgresql.conf``.

    Raises:
        ConfigurationError: a name or a value cannot stand in such a file.
    """
    lines = ["# Written anew at every start. Use ALTER SYSTEM for changes that shall stay."]
    for name, value in settings.items():
        if not re.fullmatch(r"[a-z_][a-z0-9_.]*", name) or set(value) & set("\n\r\0"):
            raise ConfigurationError(
                "{name!r} with the value {value!r} is not a PostgreSQL setting.",
                name=name,
                value=value,
            )
        escaped = value.replace("\\", "\\\\").replace("'", "''")
        lines.append(f"{name} = '{escaped}'")
    return "\n".join(lines) + "\n"
