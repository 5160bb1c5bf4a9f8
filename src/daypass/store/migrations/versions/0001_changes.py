"""The log of changes."""

import sqlalchemy as sa
from alembic import op

revision = "0001_changes"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "changes",
        sa.Column("number", sa.Integer, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("key", sa.String(256), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_changes"),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    op.drop_table("changes")
