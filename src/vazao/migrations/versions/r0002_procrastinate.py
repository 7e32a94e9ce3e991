"""The queue's own tables, from the pinned library's schema."""

from alembic import op
from procrastinate.schema import SchemaManager

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Apply."""
    op.execute("set local lock_timeout = '5s'; set local statement_timeout = '60s'")
    connection = op.get_bind().connection.dbapi_connection
    assert connection is not None
    connection.execute(SchemaManager.get_schema().encode())
