"""Custom fields that hold one of several values."""

from alembic import op

revision = "0020"
down_revision = "0019"

SQL = r"""
set local lock_timeout = '5s';
set local statement_timeout = '60s';
alter table leads.custom_field add column options text[];
comment on column leads.custom_field.options is 'Of a choice: the values that it may have';
-- The one that follows allows all that this one did.
-- squawk-ignore ban-drop-constraint
alter table leads.custom_field drop constraint custom_field_type_check;
alter table leads.custom_field add constraint custom_field_type_check
    check (type in ('text', 'integer', 'number', 'date', 'boolean', 'choice')) not valid;
alter table leads.custom_field add constraint custom_field_options_check
    check ((type = 'choice') = (options is not null)) not valid;
"""


def upgrade() -> None:
    """Apply."""
    op.execute(SQL)


def downgrade() -> None:
    """Take back: choices become text."""
    op.execute("""
set local lock_timeout = '5s';
update leads.custom_field set type = 'text', options = null where type = 'choice';
alter table leads.custom_field drop column options;
alter table leads.custom_field drop constraint custom_field_type_check;
alter table leads.custom_field add constraint custom_field_type_check
    check (type in ('text', 'integer', 'number', 'date', 'boolean'));
""")
