"""Leads: how a sheet is to be read, values that were left out, and trials of an import."""

from alembic import op

revision = "0017"
down_revision = "0016"

SQL = r"""
set local lock_timeout = '5s';
set local statement_timeout = '60s';
alter table leads.import
    add column header_row text,
    add column delimiter text,
    add column encoding text,
    add column strict boolean not null default false,
    add column types json,
    add column new_types json,
    add column left_out boolean not null default false,
    add column rows_warned bigint,
    add column applies bigint,
    add column applied_by bigint;
comment on column leads.import.header_row is
    'The row of the column names, or none, where somebody said it; so delimiter and encoding';
comment on column leads.import.types is
    'Types of custom fields as they were when the sheet was read';
comment on column leads.import.new_types is
    'Types that somebody gave the custom fields which the sheet is the first to bring';
comment on column leads.import.left_out is
    'Whether values that were left out stand among the staged rows, so that none is emptied';
comment on column leads.import.rows_warned is
    'Rows that came in with a value left out, or doubted';
comment on column leads.import.applies is
    'The trial whose rows this import takes in; applied_by: the import that took this trial''s';

create table leads.trial (
    import_id bigint not null,
    round int not null,
    number int not null,
    created int not null,
    updated int not null,
    unchanged int not null,
    duplicates int not null,
    rejected int not null,
    rows int not null,
    primary key (import_id, round, number)
);
comment on table leads.trial is
    'What a slice of a trial would have done: as leads.slice, without a lead';

create table leads.saved_mapping (
    organization_id bigint not null,
    headers bytea not null,
    name text,
    mapping json not null,
    saved_by text,
    used_at timestamptz not null default kit.now()
);
create unique index saved_mapping_headers on leads.saved_mapping (organization_id, headers)
    where name is null;
create unique index saved_mapping_name on leads.saved_mapping (organization_id, name)
    where name is not null;
comment on table leads.saved_mapping is
    'Columns as somebody set them: the last for each set of headers (no name), and those by name';

create table leads.warning (
    import_id bigint not null,
    number int not null,
    row bigint not null,
    place text,
    code text not null,
    value text,
    primary key (import_id, number)
);
comment on table leads.warning is
    'The first values of an import that were left out or doubted; the others are found by reading '
    'the stored sheet again';
"""


def upgrade() -> None:
    """Apply."""
    op.execute(SQL)


def downgrade() -> None:
    """Take back."""
    op.execute("""
set local lock_timeout = '5s';
drop table leads.warning, leads.trial, leads.saved_mapping;
alter table leads.import drop column header_row, drop column delimiter, drop column encoding,
    drop column strict, drop column types, drop column new_types, drop column left_out,
    drop column rows_warned, drop column applies, drop column applied_by;
""")
