"""Accounts for other systems: digests of users, hashes of other schemes, the trail of changes."""

from alembic import op

revision = "0013"
down_revision = "0012"

SQL = r"""
set local lock_timeout = '5s';
set local statement_timeout = '60s';

create table accounts.block (
    organization_id int not null,
    block bigint not null,
    users bigint not null,
    digest bytea not null,
    known_since xid8 not null,
    primary key (organization_id, block)
) with (fillfactor = 70);
comment on table accounts.block is
    'Digests of users by blocks of 4096 ids: of what transactions before known_since did, maybe of '
    'more; a change in known_since or later has a block made anew';

create table accounts.scheme (
    kind text primary key,
    sample text not null
);
comment on table accounts.scheme is
    'Kinds of password hashes of other systems that were imported, each with a hash of that kind '
    'and cost which no password matches';

create table accounts.foreign_hash (
    user_id bigint primary key references accounts."user" (id) on delete cascade,
    kind text not null references accounts.scheme (kind)
);
comment on table accounts.foreign_hash is
    'Whose password hash is of another system still; it is made anew at their next sign-in. While '
    'there is any of a kind, failed sign-ins take as long as checking the costliest';
create index foreign_hash_by_kind on accounts.foreign_hash (kind);

create table accounts.audit (
    id bigint generated always as identity primary key,
    organization_id int not null,
    at timestamptz not null default kit.now(),
    actor text not null,
    actor_user_id bigint,
    action text not null,
    subject text not null,
    details jsonb not null default '{}'
);
comment on table accounts.audit is
    'Who changed what: written with the change, in its transaction; never a secret';
create index audit_by_organization on accounts.audit (organization_id, id);
"""


def upgrade() -> None:
    """Apply."""
    op.execute(SQL)
