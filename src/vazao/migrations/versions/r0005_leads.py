"""Leads: the base and its search rows, imports, slices, rejections; all keyed by organization."""

from alembic import op

revision = "0005"
down_revision = "0004"

PARTITIONS = 16

SQL = r"""
set local lock_timeout = '5s';
set local statement_timeout = '60s';
create schema leads;
comment on schema leads is 'Bulk import of spreadsheets, and the base of leads they fill';
create schema leads_staging;
comment on schema leads_staging is 'Unlogged tables of imports under way; made and dropped by them';

create sequence leads.lead_id_seq as bigint;
create table leads.lead (
    organization_id int not null,
    id bigint not null default nextval('leads.lead_id_seq'),
    email text collate "C" not null,
    name text,
    phone text,
    company text,
    job_title text,
    city text,
    state text,
    country text,
    website text,
    legal_basis text,
    tags text[] not null default '{}',
    custom jsonb not null default '{}',
    opted_out boolean not null default false,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    created_by bigint,
    updated_by bigint,
    primary key (organization_id, id),
    unique (organization_id, email)
) partition by hash (organization_id);
comment on table leads.lead is
    'The base. e-mail is trimmed and case-folded; created_by and updated_by are imports (job ids)';

create table leads.document (
    organization_id int not null,
    lead_id bigint not null,
    words text collate "C" not null,
    labels text[] collate "C" not null,
    primary key (organization_id, lead_id)
) partition by hash (organization_id);
comment on table leads.document is
    'The read model behind search and filters: folded words of a lead, and its tags and city as '
    'labels; brought up to date behind imports, touched only when they differ';
create index document_search on leads.document
    using gin (words public.gin_trgm_ops, labels);

create table leads.feed (
    organization_id int not null,
    lead_id bigint not null,
    changed_xid xid8 not null default pg_current_xact_id(),
    changed_at timestamptz not null default now(),
    deleted boolean not null default false,
    primary key (organization_id, lead_id)
) partition by hash (organization_id);
comment on table leads.feed is
    'The feed of changes, one row a lead with its last change, deletions included; written behind '
    'imports like the search rows';
create index feed_changes on leads.feed (organization_id, changed_xid, lead_id);

create table leads.base (
    organization_id int primary key,
    version bigint not null default 0,
    leads bigint not null default 0,
    facets jsonb,
    facets_version bigint
) with (fillfactor = 50);
comment on table leads.base is
    'One row an organization: how many leads, and the version that every merged slice raises '
    '(caches of counts and facets are keyed by it)';

create table leads.epoch (
    organization_id int not null,
    at timestamptz not null default clock_timestamp(),
    xmin_then xid8 not null default pg_snapshot_xmin(pg_current_snapshot()),
    primary key (organization_id, at)
);
comment on table leads.epoch is
    'Written after changes, one a minute is kept: transactions older than xmin_then had ended by '
    'at. It turns updated_since (a time) into a lower bound of the feed (a transaction id)';

create table leads.custom_field (
    organization_id int not null,
    name text not null,
    type text not null default 'text'
        check (type in ('text', 'integer', 'number', 'date', 'boolean')),
    primary key (organization_id, name)
);
comment on table leads.custom_field is
    'Custom fields in use and their types; text unless declared otherwise';

create table leads.import (
    id bigint primary key,
    token text not null unique,
    organization_id int not null,
    upload text not null,
    filename text not null,
    mode text not null check (mode in ('upsert', 'create', 'update')),
    empty text not null check (empty in ('keep', 'clear')),
    sheet text,
    mapping json,
    dry_run boolean not null default false,
    undone boolean not null default false,
    headers json,
    notes jsonb not null default '[]',
    staging text,
    rows_total bigint,
    rows_staged bigint,
    rows_refused bigint,
    digest bytea,
    base_version bigint,
    round int not null default 1,
    requested_by text,
    requested_at timestamptz not null default now()
) with (fillfactor = 50);
comment on table leads.import is
    'An import: the sheet, its options and what reading found; id and token are those of its job, '
    'round counts how often it was started over';
create index import_history on leads.import (organization_id, id);

create table leads.settled (
    organization_id int not null,
    digest bytea not null,
    version bigint not null,
    import_id bigint not null references leads.import (id) on delete cascade,
    primary key (organization_id, digest)
);
comment on table leads.settled is
    'Sheets (file and options, as a digest) that the base of that version holds already: sent '
    'again before anything else changed the base, they need not be compared';
create index settled_import on leads.settled (import_id);

create table leads.slice (
    organization_id int not null,
    import_id bigint not null references leads.import (id) on delete cascade,
    round int not null,
    number int not null,
    created bigint[] not null,
    updated bigint[] not null,
    unchanged int not null,
    duplicates int not null,
    rejected int not null,
    indexed_at timestamptz,
    primary key (import_id, round, number)
);
comment on table leads.slice is
    'What a merged slice did: lead ids made and changed (the work list of search, later of undo) '
    'and the counts of the rest. One row a slice: no row is shared by slices that run at once';
create index slice_not_indexed on leads.slice (organization_id, import_id)
    where indexed_at is null;

create table leads.before_image (
    import_id bigint not null references leads.import (id) on delete cascade,
    lead_id bigint not null,
    fields jsonb not null,
    primary key (import_id, lead_id)
);
comment on table leads.before_image is
    'What an updated lead held before an import changed it (foreseen for changes and undo)';

create table leads.suppression (
    organization_id int not null,
    email_hash bytea not null,
    created_at timestamptz not null default now(),
    primary key (organization_id, email_hash)
);
comment on table leads.suppression is
    'Keyed hashes of leads that left after opting out: no import revives them (foreseen)';

create table leads.rejection (
    import_id bigint not null references leads.import (id) on delete cascade,
    row bigint not null,
    place text,
    code text not null,
    value text,
    primary key (import_id, row)
);
comment on table leads.rejection is
    'A refused row of a sheet: its number as Excel shows it, the column (place), code and value';
"""

PARTITION = """
create table leads.lead_p{n} partition of leads.lead
    for values with (modulus {modulus}, remainder {n}) with (fillfactor = 90);
create table leads.document_p{n} partition of leads.document
    for values with (modulus {modulus}, remainder {n}) with (fillfactor = 90);
create table leads.feed_p{n} partition of leads.feed
    for values with (modulus {modulus}, remainder {n});
"""


def upgrade() -> None:
    """Apply."""
    op.execute(SQL)
    for n in range(PARTITIONS):
        op.execute(PARTITION.format(n=n, modulus=PARTITIONS))
