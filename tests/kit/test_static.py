"""Static files: names that carry their digest, variants that the reader takes, 304."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator
from pathlib import Path

import brotli
import pytest
import zstandard
from litestar import Litestar
from litestar.testing import TestClient

from vazao.kit.errors import VazaoError
from vazao.kit.web import static
from vazao.kit.web.refusing import answer_error


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "deep").mkdir()
    (tmp_path / "drop.svg").write_text("<svg/>" + " " * 600)
    (tmp_path / "deep" / "page.css").write_text(
        "a { background: url('../drop.svg') } b { background: url(data:image/png;base64,AA==) }"
        " c { background: url(../gone.svg) } d { mask: url(../drop.svg#part) }" + " " * 600
    )
    (tmp_path / "tiny.js").write_text("1;\n//# sourceMappingURL=tiny.js.map\n")
    (tmp_path / ".stamp").write_text("not served")
    return tmp_path


@pytest.fixture
def client(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient[Litestar]]:
    (folder / "favicon.svg").write_text("<svg>icon</svg>")
    made = static.Library(folder)
    monkeypatch.setattr(static, "library", lambda: made)
    app = Litestar(static.routes, exception_handlers={VazaoError: answer_error})
    with TestClient(app) as opened:
        yield opened


def test_an_address_carries_the_digest_of_the_bytes(folder: Path) -> None:
    library = static.Library(folder)
    digest = hashlib.sha256((folder / "drop.svg").read_bytes()).hexdigest()[:12]
    assert library.address("drop.svg") == f"/static/drop.{digest}.svg"


def test_an_unknown_name_stays_plain_and_hidden_files_are_not_served(folder: Path) -> None:
    library = static.Library(folder)
    assert library.address("later.css") == "/static/later.css"
    assert ".stamp" not in library.by_name


def test_stylesheets_name_the_hashed_addresses_of_what_is_there(folder: Path) -> None:
    library = static.Library(folder)
    css = library.by_name["deep/page.css"].body.decode()
    drop = library.address("drop.svg")
    assert f'url("{drop}")' in css
    assert f'url("{drop}#part")' in css
    assert "url(data:image/png;base64,AA==)" in css
    assert "url(../gone.svg)" in css


def test_a_change_of_a_picture_changes_the_name_of_its_stylesheet(folder: Path) -> None:
    before = static.Library(folder).address("deep/page.css")
    (folder / "drop.svg").write_text("<svg>other</svg>")
    assert static.Library(folder).address("deep/page.css") != before


def test_source_maps_that_nobody_ships_are_not_promised(folder: Path) -> None:
    assert b"sourceMappingURL" not in static.Library(folder).by_name["tiny.js"].body


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, "identity"),
        ("", "identity"),
        ("gzip, deflate", "identity"),
        ("gzip, deflate, br, zstd", "br"),
        ("zstd", "zstd"),
        ("br;q=0.5, zstd;q=0.9", "zstd"),
        ("br;q=0, zstd;q=0", "identity"),
        ("*", "br"),
        ("br;q=0, *;q=0.3", "zstd"),
        ("identity;q=1, br;q=0.2", "identity"),
        ("BR ; Q=0.8", "br"),
        ("br;q=high", "identity"),
        ("identity;q=0", "identity"),
    ],
)
def test_encodings_are_chosen_by_weight(accept: str | None, expected: str) -> None:
    assert static.choose_encoding(accept) == expected


@pytest.mark.parametrize("encoding", ["br", "zstd"])
def test_variants_unpack_to_the_file(folder: Path, encoding: str) -> None:
    asset = static.Library(folder).by_name["drop.svg"]
    packed = asyncio.run(asset.variant(encoding))
    unpack = brotli.decompress if encoding == "br" else zstandard.decompress
    assert unpack(packed) == asset.body
    assert len(packed) < len(asset.body)


def test_a_hashed_name_may_be_kept_for_ever(client: TestClient[Litestar]) -> None:
    answer = client.get(static.address("drop.svg"), headers={"Accept-Encoding": "br"})
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-encoding"] == "br"
    assert answer.headers["vary"] == "Accept-Encoding"
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.text.startswith("<svg/>")


def test_a_plain_name_is_asked_again(client: TestClient[Litestar]) -> None:
    answer = client.get("/static/deep/page.css", headers={"Accept-Encoding": "identity"})
    assert answer.headers["cache-control"] == "public, no-cache"
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    assert "content-encoding" not in answer.headers


def test_each_variant_has_its_own_validator(client: TestClient[Litestar]) -> None:
    address = static.address("drop.svg")
    tags = {
        client.get(address, headers={"Accept-Encoding": coding}).headers["etag"]
        for coding in ("identity", "br", "zstd")
    }
    assert len(tags) == 3


def test_what_the_reader_holds_is_not_sent_again(client: TestClient[Litestar]) -> None:
    address = static.address("drop.svg")
    tag = client.get(address, headers={"Accept-Encoding": "br"}).headers["etag"]
    for held in (tag, f'W/{tag}, "other"', "*"):
        again = client.get(address, headers={"Accept-Encoding": "br", "If-None-Match": held})
        assert again.status_code == 304
        assert again.content == b""
        assert again.headers["etag"] == tag
    other = client.get(address, headers={"Accept-Encoding": "zstd", "If-None-Match": tag})
    assert other.status_code == 200


def test_head_tells_the_length_and_sends_nothing(client: TestClient[Litestar]) -> None:
    answer = client.head(static.address("drop.svg"), headers={"Accept-Encoding": "identity"})
    assert answer.status_code == 200
    assert int(answer.headers["content-length"]) == 606
    assert answer.content == b""


@pytest.mark.parametrize(
    "path", ["/static/none.css", "/static/drop.000000000000.svg", "/static/%2e%2e/conftest.py",
             "/static/.stamp"]
)
def test_anything_else_is_not_found(client: TestClient[Litestar], path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"


def test_the_old_name_of_the_icon_is_answered(client: TestClient[Litestar]) -> None:
    answer = client.get("/favicon.ico")
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.text == "<svg>icon</svg>"


def test_the_packages_own_files_are_there_and_whole() -> None:
    library = static.Library(static.FOLDER)
    for name in ("app.css", "app.js", "charts.js", "logo.svg", "favicon.svg", "river.svg"):
        assert name in library.by_name
    assert library.address("river.svg") in library.by_name["app.css"].body.decode()


@pytest.mark.parametrize(("asked", "status", "part"), [
    ("bytes=0-3", 206, slice(0, 4)), ("bytes=4-", 206, slice(4, None)),
    ("bytes=-2", 206, slice(-2, None)), ("bytes=0-99999", 206, slice(0, None)),
    ("bytes=-99999", 206, slice(0, None)), ("bytes=606-", 416, None), ("bytes=-0", 416, None),
    ("bytes=3-2", 200, slice(0, None)), ("bytes=-", 200, slice(0, None)),
    ("bytes=0-1,4-5", 200, slice(0, None)), ("lines=0-1", 200, slice(0, None)),
    ("bytes=" + "9" * 400 + "-", 200, slice(0, None)), ("bytes=a-b", 200, slice(0, None)),
])
def test_a_part_is_sent_alone(
    client: TestClient[Litestar], asked: str, status: int, part: slice | None
) -> None:
    whole = b"<svg/>" + b" " * 600
    answer = client.get("/static/drop.svg", headers={"Accept-Encoding": "", "Range": asked})
    assert answer.status_code == status
    if part is None:
        assert answer.headers["content-range"] == "bytes */606"
        assert answer.json()["error"]["code"] == "range_not_satisfiable"
        return
    assert answer.content == whole[part]
    assert answer.headers["accept-ranges"] == "bytes"
    first, last, _ = part.indices(606)
    expected = f"bytes {first}-{last - 1}/606" if status == 206 else None
    assert answer.headers.get("content-range") == expected


def test_a_part_of_a_variant_is_of_its_bytes(client: TestClient[Litestar]) -> None:
    headers = {"Accept-Encoding": "br"}
    with client.stream("GET", "/static/drop.svg", headers=headers) as answer:
        whole, tag = b"".join(answer.iter_raw()), answer.headers["etag"]
    parts = []
    for asked in ("bytes=0-9", "bytes=10-"):
        more = headers | {"Range": asked, "If-Range": tag}
        with client.stream("GET", "/static/drop.svg", headers=more) as answer:
            assert answer.status_code == 206
            assert answer.headers["content-encoding"] == "br"
            parts.append(b"".join(answer.iter_raw()))
    assert b"".join(parts) == whole


def test_a_part_of_what_has_changed_since_is_not_sent(client: TestClient[Litestar]) -> None:
    headers = {"Range": "bytes=0-3", "If-Range": '"older"'}
    assert client.get("/static/drop.svg", headers=headers).status_code == 200
    tag = client.get("/static/drop.svg", headers={"Accept-Encoding": ""}).headers["etag"]
    weak = {"Accept-Encoding": "", "Range": "bytes=0-3", "If-Range": f"W/{tag}"}
    assert client.get("/static/drop.svg", headers=weak).status_code == 200
    assert client.head("/static/drop.svg", headers={"Range": "bytes=0-3"}).status_code == 200
