"""Where slices of imports begin: apart from payloads, which are kept and hold no e-mail."""

from alembic import op

revision = "0021"
down_revision = "0020"

SQL = r"""
set local lock_timeout = '5s';
set local statement_timeout = '600s';
create table leads.edge (
    import_id bigint not null,
    number integer not null,
    email text collate "C" not null,
    constraint edge_pkey primary key (import_id, number)
);
comment on table leads.edge is 'Where the slices of an import begin, until it has ended';
update jobs.part set payload = '{}'
where kind = 'leads.import' and step = 'merge' and payload ? 'low'
    and state in ('done', 'failed', 'cancelled');
"""


def upgrade() -> None:
    """Apply."""
    op.execute(SQL)


def downgrade() -> None:
    """Take back: imports that run start over by hand."""
    op.execute("set local lock_timeout = '5s'; drop table leads.edge;")
