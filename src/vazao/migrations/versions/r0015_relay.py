"""Relay: sites, their agents, lists, and runs that bring their rows."""

from alembic import op

revision = "0015"
down_revision = "0014"

SQL = r"""
set local lock_timeout = '5s';
set local statement_timeout = '60s';
create schema relay;
comment on schema relay is 'Remote databases that transmit lists';
create schema relay_data;
comment on schema relay_data is 'The rows of lists: a table a list';

create table relay.site (
    id int generated always as identity primary key,
    organization_id int not null,
    name text not null,
    name_key text not null,
    timezone text not null,
    ibge text,
    holidays date[] not null default '{}',
    created_at timestamptz not null default kit.now(),
    agent_id int,
    paused_at timestamptz,
    asked_at timestamptz,
    resend_at timestamptz,
    restart_at timestamptz,
    purged_at timestamptz,
    unique (organization_id, name_key)
);
comment on table relay.site is
    'A remote database. ibge is its municipality, which the first agent finds out where nobody '
    'said it. agent_id is the agent that may speak for it now; none: not enrolled, or revoked. '
    'asked_at: when somebody asked for its lists at once; resend_at: for every row of them; '
    'restart_at: for a restart. purged_at: from when everything of it is to go';

create table relay.enrolment (
    token bytea primary key,
    site_id int not null references relay.site (id),
    created_at timestamptz not null default kit.now(),
    expires_at timestamptz not null,
    used_at timestamptz
);
comment on table relay.enrolment is 'Tokens by their SHA-256; each makes one agent of its site';
create index enrolment_by_site on relay.enrolment (site_id);

create table relay.agent (
    id int generated always as identity primary key,
    site_id int not null references relay.site (id),
    public_key bytea not null,
    version text not null,
    machine text not null,
    facts jsonb not null default '{}',
    enrolled_at timestamptz not null default kit.now(),
    ended_at timestamptz,
    seen_at timestamptz not null default kit.now(),
    stamp bigint not null default 0
) with (fillfactor = 50);
comment on table relay.agent is
    'An agent by its Ed25519 key. stamp is that of its last request, in nanoseconds since the '
    'epoch: each is later than the one before, so none can be played back';
create index agent_by_site on relay.agent (site_id);

create table relay.journal (
    id bigint generated always as identity primary key,
    site_id int not null references relay.site (id),
    agent_id int,
    number bigint,
    at timestamptz not null,
    received_at timestamptz not null default kit.now(),
    what text not null,
    cause text not null,
    list text not null,
    message text not null,
    details jsonb not null,
    unique (agent_id, number)
);
comment on table relay.journal is
    'What happened at a site, as its agent wrote it down (number: its own), or as the hub saw it';
create index journal_by_site on relay.journal (site_id, at desc, id desc);
create index journal_pages on relay.journal (site_id, id desc);

create table relay.audit (
    id bigint generated always as identity primary key,
    organization_id int not null,
    at timestamptz not null default kit.now(),
    actor text not null,
    what text not null,
    site text,
    list text,
    details jsonb not null default '{}'
);
comment on table relay.audit is 'Who did or looked at what; rows are only ever added';
create index audit_by_organization on relay.audit (organization_id, id desc);
create function relay.refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'the audit log of relay is only added to';
end
$$;
create trigger audit_stays before update or delete or truncate on relay.audit
    for each statement execute function relay.refuse_change();

create table relay.publisher (
    organization_id int primary key,
    public_key bytea not null,
    created_at timestamptz not null default kit.now()
);
comment on table relay.publisher is 'Whose signature an organization''s lists bear';

create table relay.list (
    id int generated always as identity primary key,
    organization_id int not null,
    name text not null,
    version int not null,
    created_at timestamptz not null default kit.now(),
    unique (organization_id, name)
);
comment on table relay.list is 'A list; its rows are in relay_data.list_<id>';

create table relay.version (
    list_id int not null references relay.list (id),
    version int not null,
    document bytea not null,
    signature bytea not null,
    every_seconds int not null check (every_seconds > 0),
    opens int not null default 0 check (opens between 0 and 1439),
    closes int not null default 1440 check (closes between 1 and 1440),
    published_at timestamptz not null default kit.now(),
    primary key (list_id, version)
);
comment on table relay.version is
    'A version of a list: the very bytes that its publisher signed. opens and closes: the window '
    'of the day, in minutes by the site''s clock, in which it is transmitted';

create table relay.run (
    id bigint generated always as identity primary key,
    token uuid not null,
    site_id int not null references relay.site (id),
    list_id int not null references relay.list (id),
    version int not null,
    agent_id int not null references relay.agent (id),
    seq int not null,
    base_seq int,
    state text not null default 'waiting'
        check (state in ('waiting', 'sending', 'loading', 'held', 'finished', 'failed',
            'replaced')),
    encoding text not null check (encoding in ('zstd', 'zlib')),
    rows bigint not null check (rows >= 0),
    digest bigint not null,
    began_at timestamptz not null,
    extract_seconds float8 not null,
    raw bigint not null,
    offered_at timestamptz not null default kit.now(),
    refused int not null default 0,
    return_at timestamptz,
    granted_at timestamptz,
    touched_at timestamptz not null default kit.now(),
    committed_at timestamptz,
    ended_at timestamptz,
    swept_at timestamptz,
    job_id bigint,
    error jsonb,
    unique (site_id, list_id, seq),
    unique (site_id, token)
) with (fillfactor = 70);
comment on table relay.run is
    'One transmission of one list of one site. seq counts those of the list at the site; base_seq '
    'is the run whose rows it changes, none where it brings the whole list. rows and digest are '
    'those of the whole list at the source: the sum of its rows'' hashes modulo 2^64, with a sign. '
    'raw: bytes once unpacked. refused and return_at: how often, and until when, it was asked to '
    'wait for its turn (relay.pace). swept_at: its chunks, and rows that never became current, '
    'are gone';
create unique index run_open on relay.run (site_id, list_id)
    where state in ('waiting', 'sending', 'loading', 'held');
create index run_at_work on relay.run (id) where state in ('sending', 'loading');
create index run_unswept on relay.run (id)
    where swept_at is null and state in ('finished', 'failed', 'replaced');
create index run_by_list on relay.run (list_id, id);

create table relay.chunk (
    run_id bigint not null references relay.run (id),
    number int not null,
    kind text not null check (kind in ('rows', 'gone')),
    sha256 bytea not null,
    packed int not null,
    raw int not null,
    rows int not null,
    stored_at timestamptz,
    primary key (run_id, number)
);
comment on table relay.chunk is 'A piece of a run: its bytes are with the blobs until it has ended';

create table relay.pace (
    one boolean primary key default true check (one),
    promised_until timestamptz,
    last_ended_at timestamptz,
    bytes float8 not null default 0,
    seconds float8 not null default 0,
    ease float8 not null default 1,
    measured_at timestamptz not null default kit.now(),
    commit_seconds float8 not null default 0,
    io_waits float8 not null default 0
) with (fillfactor = 50);
insert into relay.pace default values;
comment on table relay.pace is
    'What the database takes: bytes that runs brought in so many seconds of loading, lately. '
    'promised_until: when the last run that was asked to wait is to have been loaded. ease: which '
    'share of the work at hand is let in, by the latency of a commit and the sessions that wait '
    'for the disk';

create table relay.current (
    list_id int not null references relay.list (id),
    site_id int not null references relay.site (id),
    seq int not null,
    first_seq int not null,
    run_id bigint not null references relay.run (id),
    rows bigint not null,
    digest bigint not null,
    extracted_at timestamptz not null,
    swapped_at timestamptz not null default kit.now(),
    swept_seq int not null default 0,
    primary key (list_id, site_id)
) with (fillfactor = 50);
comment on table relay.current is
    'The run whose rows readers see of a list at a site: changing this row is the whole swap. '
    'first_seq: the run that last brought the whole list; rows of earlier ones are gone. '
    'swept_seq: rows that only runs before this one showed are removed';
create index current_by_site on relay.current (site_id);
create index current_by_run on relay.current (run_id);
"""


def upgrade() -> None:
    """Apply."""
    op.execute(SQL)
