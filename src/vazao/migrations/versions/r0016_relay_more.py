"""Relay: columns that agents propose, doubles of keys, diagnoses, and releases of the agent."""

from alembic import op

revision = "0016"
down_revision = "0015"

SQL = r"""
set local lock_timeout = '5s';
set local statement_timeout = '60s';
alter table relay.version add column columns text[];
update relay.version set columns = array(
    select c.column_name
    from jsonb_array_elements(convert_from(document, 'UTF8')::jsonb -> 'columns')
        with ordinality as e (value, place)
    cross join lateral (select e.value ->> 'name' as column_name) as c
    order by e.place
);
comment on column relay.version.columns is
    'The names of its columns; none while a list that declares none waits for the first agent to '
    'say what its query gives';

alter table relay.current add column doubles bigint, add column counted_seq int,
    add column sweeping_seq int not null default 0;
update relay.current set sweeping_seq = swept_seq;
comment on column relay.current.sweeping_seq is
    'Rows that only runs before this one showed are being removed, or have been';
comment on column relay.current.doubles is
    'How many rows share their key with another one, as of the run counted_seq';

alter table relay.chunk add column loaded_at timestamptz;
create table relay.loaded (bytes bigint not null);
comment on table relay.loaded is 'Chunks that were loaded since the last look at the pace';
alter table relay.pace add column looked_at timestamptz not null default '2000-01-01',
    add column was_busy boolean not null default false;
comment on table relay.pace is
    'What the database takes: bytes of chunks that were loaded in so many seconds, lately. '
    'looked_at and was_busy: the last look at it, and whether work was at hand. ease: which share '
    'of the usual work at hand is let in, by the latency of a commit and the sessions that wait '
    'for the disk. promised_until and last_ended_at are not used any more';

alter table relay.site add column diagnose_at timestamptz;
comment on column relay.site.diagnose_at is 'When somebody asked for a diagnosis, until it is told';

do $$
declare
    name text;
begin
    -- As lists that are made from now on have it: see fill_gone in relay/store/rows.sql.
    for name in select tablename from pg_tables
        where schemaname = 'relay_data' and tablename like 'gone\_%'
    loop
        execute format('insert into relay_data.%I (site_id, until, hash) '
            'select 0, 0, n from generate_series(1, 500) as n', name);
        execute format('analyze relay_data.%I', name);
    end loop;
end
$$;

create table relay.release (
    organization_id int primary key,
    version text not null,
    document bytea not null,
    signature bytea not null,
    published_at timestamptz not null default kit.now()
);
comment on table relay.release is
    'The program of the agent that an organization''s sites are to run, signed by its publisher';
"""


def upgrade() -> None:
    """Apply."""
    op.execute(SQL)
