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

alter table relay.site add column diagnose_at timestamptz;
comment on column relay.site.diagnose_at is 'When somebody asked for a diagnosis, until it is told';

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
