"""Leads by hand: deleted ones are kept, who changed what is remembered, fields have labels."""

from alembic import op

revision = "0018"
down_revision = "0017"

SQL = r"""
set local lock_timeout = '5s';
set local statement_timeout = '60s';
create table leads.deleted (
    organization_id int not null,
    lead_id bigint not null,
    lead jsonb not null,
    deleted_by text,
    deleted_at timestamptz not null default kit.now(),
    primary key (organization_id, lead_id)
);
create index deleted_at on leads.deleted (deleted_at);
comment on table leads.deleted is
    'Leads that were deleted, whole, as long as that can be taken back';

alter table leads.custom_field add column label text, add column place int;
comment on column leads.custom_field.label is 'How people call it, where they do not by its name';
comment on column leads.custom_field.place is 'Its place among the others; those without come last';

create table leads.edit (
    organization_id int not null,
    lead_id bigint not null,
    id bigint generated always as identity,
    what text not null check (what in ('created', 'changed', 'tagged', 'deleted', 'restored')),
    fields text[] not null default '{}',
    edited_by text,
    edited_at timestamptz not null default kit.now(),
    primary key (organization_id, lead_id, id)
);
comment on table leads.edit is
    'What people and other systems did to single leads: which fields, never their values';
"""


def upgrade() -> None:
    """Apply."""
    op.execute(SQL)


def downgrade() -> None:
    """Take back."""
    op.execute("""
set local lock_timeout = '5s';
drop table leads.edit, leads.deleted;
alter table leads.custom_field drop column label, drop column place;
""")
