"""Logs hold no personal data, not even inside a traceback."""

from __future__ import annotations

import io

import psycopg
import pytest

from vazao.kit import logging
from vazao.kit.errors import NotFound


def logged(error: Exception, monkeypatch: pytest.MonkeyPatch, fmt: str) -> str:
    sink = io.StringIO()
    monkeypatch.setattr("sys.stderr", sink)
    logging.configure(fmt, "info")
    try:
        raise error
    except Exception as raised:
        secret = "joao@exemplo.com.br"
        assert secret
        logging.get("test").error("went wrong", exc_info=raised)
    return sink.getvalue()


@pytest.mark.parametrize("fmt", ["json", "console"])
def test_a_refused_value_is_not_logged(fmt: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = logged(ValueError("bad cell joao@exemplo.com.br"), monkeypatch, fmt)
    assert "joao@exemplo.com.br" not in text
    assert "ValueError" in text
    assert "test_logging.py" in text


@pytest.mark.parametrize("fmt", ["json", "console"])
def test_a_database_error_shows_its_state_only(
    fmt: str, monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    with psycopg.connect(database_url) as conn, pytest.raises(psycopg.Error) as caught:
        conn.execute("select 'joao@exemplo.com.br'::int")
    text = logged(caught.value, monkeypatch, fmt)
    assert "joao" not in text
    assert "22P02" in text


def test_our_own_errors_keep_their_message(monkeypatch: pytest.MonkeyPatch) -> None:
    text = logged(NotFound("There is no {name}.", name="secret"), monkeypatch, "json")
    assert "There is no {name}." in text
    assert "secret" not in text.replace("test_logging", "")
