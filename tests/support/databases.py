"""Addresses of databases."""

from __future__ import annotations

from urllib.parse import urlsplit


def address(url: str, database: str) -> str:
    """*url* with another database."""
    return urlsplit(url)._replace(path=f"/{database}").geturl()
