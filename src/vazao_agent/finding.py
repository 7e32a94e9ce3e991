"""Finds the database of e-SUS PEC on this machine, so that its IT types nothing."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

FOLDERS = (
    "/opt/e-SUS/webserver/config", "/opt/esus/webserver/config",
    "C:/Program Files/e-SUS/webserver/config", "C:/e-SUS/webserver/config",
)
FILES = ("credenciais.txt", "application.properties")
PORT, DATABASE = 5433, "esus"
_URL = re.compile(r"jdbc:postgresql://([^:/\s]+)(?::(\d+))?/(\w+)")
_FIELD = re.compile(r"^\s*[\w.]*?(user(?:name)?|usuario|password|senha)\s*[=:]\s*(\S+)\s*$",
                    re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True)
class Found:
    """A database: its address without the password, the password, and the file that named it."""

    address: str
    password: str
    file: str


def folders() -> list[Path]:
    """Where e-SUS PEC keeps its configuration; ``VAZAO_AGENT_PEC`` names another place."""
    named = os.environ.get("VAZAO_AGENT_PEC")
    return [Path(each) for each in ([named] if named else FOLDERS)]


def find() -> Found | None:
    """The database that the configuration of e-SUS PEC names."""
    for folder in folders():
        for name in FILES:
            try:
                text = (folder / name).read_text(encoding="utf-8", errors="replace")
            except OSError:
                continue
            if found := read(text, str(folder / name)):
                return found
    return None


def read(text: str, file: str) -> Found | None:
    """What a configuration file of e-SUS PEC says: properties, or lines of names and values."""
    fields: dict[str, str] = {}
    for name, value in _FIELD.findall(text):
        kind = "user" if name.lower().startswith("us") else "password"
        fields.setdefault(kind, value)
    if "password" not in fields:
        return None
    place = _URL.search(text)
    host, port, database = place.groups() if place else ("localhost", None, DATABASE)
    user = fields.get("user", "postgres")
    address = f"postgresql://{quote(user, safe='')}@{host}:{port or PORT}/{database}"
    return Found(address, fields["password"], file)
