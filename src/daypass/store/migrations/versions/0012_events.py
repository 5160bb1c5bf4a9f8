"""Asynchronous events that wait for their function, and what versions log."""

import sqlalchemy as sa
from alembic import op

revision = "0012_events"
down_revision = "0011_versions"


def upgrade() -> None:
    op.create_table(
        "function_events",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("owner", sa.String(80), nullable=False),
        sa.Column("function", sa.String(64), nullable=False),
        sa.Column("qualifier", sa.String(128), nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("accepted", sa.Float, nullable=False),
        sa.Column("due", sa.Float, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("depth", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_function_events"),
    )
    op.create_index("ix_function_events_owner", "function_events", ["owner"])
    op.add_column("function_versions", sa.Column("logging", sa.Text, nullable=True))


def downgrade() -> None:
    op.drop_column("function_versions", "logging")
    op.drop_index("ix_function_events_owner", "function_events")
    op.drop_table("function_events")
