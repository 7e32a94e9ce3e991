"""The outbox: events told, webhooks, deliveries, and what people want to be told by e-mail."""

from alembic import op

revision = "0029"
down_revision = "0028"

SQL = r"""
set local lock_timeout = '5s';
set local statement_timeout = '300s';
create table jobs.listened (organization_id int primary key);
comment on table jobs.listened is
    'Organizations of which somebody wants to be told: their jobs do not end in the one statement '
    'that calls no hook';

create schema notices;
comment on schema notices is 'The outbox: webhooks and e-mail for what others may want to know';

create table notices.webhook (
    id int generated always as identity primary key,
    token text not null unique,
    organization_id int not null,
    url text not null,
    types text[] not null,
    about text not null,
    enabled boolean not null default true,
    off_reason text,
    off_at timestamptz,
    created_at timestamptz not null default kit.now(),
    secret bytea not null,
    old_secret bytea,
    old_secret_until timestamptz,
    key text,
    request text,
    failures int not null default 0,
    failing_since timestamptz,
    rest_until timestamptz not null default kit.now(),
    outcome text,
    status int,
    delivered_at timestamptz,
    lease uuid,
    leased_until timestamptz not null default '-infinity',
    removed_at timestamptz,
    unique (organization_id, key)
) with (fillfactor = 50);
comment on table notices.webhook is
    'Where an organization wants to be told. types is empty for all. One worker process at a time '
    'holds the lease, and sends; nothing is sent before rest_until. off_reason says why the '
    'platform turned it off. A removed one stays until its deliveries are swept';
comment on column notices.webhook.secret is
    'What signs deliveries, encrypted with a key made from VAZAO_SECRET';
comment on column notices.webhook.old_secret is
    'The one before it, which signs besides until old_secret_until';
comment on column notices.webhook.key is 'The Idempotency-Key that made it, and the request';
create index webhook_of_organization on notices.webhook (organization_id, id)
    where removed_at is null;

create table notices.event (
    id bigint generated always as identity primary key,
    token text not null unique,
    organization_id int not null,
    type text not null,
    object text not null,
    data jsonb not null,
    at timestamptz not null default kit.now()
);
comment on table notices.event is
    'What was told, for as long as a delivery or an e-mail of it is kept: ids, counts, kinds, '
    'status, times and addresses, never a person''s data. object is what it is about: events of '
    'one object are delivered in the order of their ids';

create table notices.delivery (
    id bigint generated always as identity primary key,
    webhook_id int not null,
    event_id bigint not null,
    object text not null,
    state text not null default 'waiting' check (state in ('waiting', 'delivered', 'failed')),
    attempts int not null default 0,
    refusals int not null default 0,
    created_at timestamptz not null default kit.now(),
    next_at timestamptz not null default kit.now(),
    first_at timestamptz,
    attempted_at timestamptz,
    ended_at timestamptz,
    outcome text,
    status int,
    answer text,
    seconds real
) with (fillfactor = 80);
comment on table notices.delivery is
    'An event for a webhook, from the transaction that told it. No foreign keys: each would lock '
    'the webhook''s row in every transaction that tells, and removing happens in slices';
create index delivery_waiting on notices.delivery (webhook_id, next_at, id)
    where state = 'waiting';
create index delivery_of_object on notices.delivery (webhook_id, object, id)
    where state = 'waiting';
create index delivery_of_webhook on notices.delivery (webhook_id, id);
create index delivery_of_event on notices.delivery (event_id);
create index delivery_ended on notices.delivery (ended_at) where ended_at is not null;

create table notices.recipient (
    user_id int primary key,
    organization_id int not null,
    next_at timestamptz not null default kit.now(),
    mailed_at timestamptz,
    failures int not null default 0,
    failing_since timestamptz,
    outcome text,
    lease uuid,
    leased_until timestamptz not null default '-infinity'
) with (fillfactor = 50);
comment on table notices.recipient is
    'Somebody whom e-mail is sent: not before next_at, by the process that holds the lease. Their '
    'address is with accounts alone';

create table notices.choice (
    user_id int not null,
    organization_id int not null,
    type text not null,
    wanted boolean not null,
    primary key (user_id, type)
);
comment on table notices.choice is 'What people chose to be told by e-mail, and not to be';
create index choice_of_organization on notices.choice (organization_id, type) where wanted;

create table notices.mail (
    id bigint generated always as identity primary key,
    user_id int not null,
    event_id bigint not null,
    created_at timestamptz not null default kit.now()
);
comment on table notices.mail is 'An event that somebody is to be told in their next e-mail';
create index mail_of_user on notices.mail (user_id, id);
create index mail_of_event on notices.mail (event_id);
"""


def upgrade() -> None:
    """Apply."""
    op.execute(SQL)


def downgrade() -> None:
    """Take back."""
    op.execute("""
set local lock_timeout = '5s';
drop schema notices cascade;
drop table jobs.listened;
""")
