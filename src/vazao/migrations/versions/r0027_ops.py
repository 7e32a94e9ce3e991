"""What runs the platform is told: alarms, how long statements usually take, and who looks."""

from alembic import op

revision = "0027"
down_revision = "0026"

SQL = r"""
set local lock_timeout = '5s';
set local statement_timeout = '300s';
create schema ops;
comment on schema ops is 'For who runs the platform: what is wrong, and what was';

create table ops.alarm (
    id bigint generated always as identity primary key,
    code text not null,
    subject text not null,
    level text not null check (level in ('critical', 'warning')),
    message text not null,
    remedy text not null,
    params jsonb not null,
    began_at timestamp with time zone not null,
    seen_at timestamp with time zone not null,
    ended_at timestamp with time zone
) with (fillfactor = 70);
comment on table ops.alarm is 'Something that was found wrong, from when to when';
comment on column ops.alarm.subject is 'What has it; with the code, what it is told by';
comment on column ops.alarm.message is 'Message id, in English; params fill its places';
create unique index alarm_open on ops.alarm (code, subject) where ended_at is null;
create index alarm_over on ops.alarm (ended_at) where ended_at is not null;

create table ops.watch (
    one boolean primary key check (one),
    holder text not null,
    until timestamp with time zone not null
) with (fillfactor = 50);
comment on table ops.watch is 'The one process that looks for what is wrong, while its lease lasts';

create table ops.statement (
    queryid bigint primary key,
    usual_ms double precision not null,
    readings integer not null,
    plan text,
    seen_at timestamp with time zone not null
) with (fillfactor = 70);
comment on table ops.statement is
    'How long statements usually take and by which plan, learnt while all is well';
comment on column ops.statement.plan is 'The steps of its plan, with their tables and indexes';
create table ops.sample (
    level smallint not null check (level in (1, 15)),
    at timestamp with time zone not null,
    figures jsonb not null,
    primary key (level, at)
);
comment on table ops.sample is 'How the platform was: mean figures of a minute, and of 15';
comment on column ops.sample.level is 'Minutes that the figures are a mean of';

create index statement_seen on ops.statement (seen_at);
"""


def upgrade() -> None:
    """Apply."""
    op.execute(SQL)


def downgrade() -> None:
    """Take back."""
    op.execute("""
set local lock_timeout = '5s';
drop schema ops cascade;
""")
