"""The kit: extensions, the clock that tests can set, and immutable text folding for search."""

from alembic import op

revision = "0001"
down_revision = None

SQL = r"""
set local lock_timeout = '5s';
set local statement_timeout = '60s';
create extension if not exists pg_trgm with schema public;
create extension if not exists unaccent with schema public;
create schema kit;
comment on schema kit is 'What every feature uses: the clock and text folding';

create function kit.now() returns timestamptz language sql stable parallel safe
    return coalesce(nullif(current_setting('vazao.now', true), '')::timestamptz, clock_timestamp());
comment on function kit.now() is 'The current time, or the one a test has set as vazao.now';

create function kit.fold(value text) returns text language sql immutable strict parallel safe
    return lower(public.unaccent('public.unaccent'::regdictionary, value));
comment on function kit.fold(text) is 'Text for searching: lower case, without accents';
"""


def upgrade() -> None:
    """Apply."""
    op.execute(SQL)
