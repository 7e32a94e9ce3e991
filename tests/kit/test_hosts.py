"""By which names the server may be asked."""

from __future__ import annotations

import pytest

from vazao.kit.web.hosts import allowed


@pytest.mark.parametrize(("host", "names", "expected"), [
    ("vazao.example", "vazao.example", True), ("VAZAO.example:8000", "vazao.example", True),
    ("vazao.example", "other.example, vazao.example:443", True),
    ("a.vazao.example", "vazao.example", False), ("a.vazao.example", "*.vazao.example", True),
    ("vazao.example", "*.vazao.example", False), ("evilvazao.example", "*.vazao.example", False),
    ("vazao.example.evil.example", "vazao.example", False), ("[::1]:8000", "[::1]", True),
    ("[::2]:8000", "[::1]", False), ("", "vazao.example,", False), ("", "vazao.example", False),
])
def test_which_hosts_are_ours(host: str, names: str, expected: bool) -> None:
    assert allowed(host, names) is expected
