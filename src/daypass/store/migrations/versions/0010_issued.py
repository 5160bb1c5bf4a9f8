"""The sessions that were issued, and up to where the audit trail they follow is in the table."""

import sqlalchemy as sa
from alembic import op

revision = "0010_issued"
down_revision = "0009_floor"


def upgrade() -> None:
    op.create_table(
        "sessions",
        sa.Column("number", sa.Integer, autoincrement=True, nullable=False),
        sa.Column("accessor", sa.String(16), nullable=False),
        sa.Column("access_key_id", sa.String(32), nullable=False),
        sa.Column("account", sa.String(12), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("subject_id", sa.String(64), nullable=False),
        sa.Column("subject_name", sa.String(64), nullable=False),
        sa.Column("session_name", sa.String(64), nullable=False),
        sa.Column("parent", sa.String(16), nullable=False),
        sa.Column("origin", sa.String(64), nullable=False),
        sa.Column("parents", sa.Text, nullable=False),
        sa.Column("provider", sa.String(2048), nullable=False),
        sa.Column("source_identity", sa.String(256), nullable=False),
        sa.Column("tags", sa.Text, nullable=False),
        sa.Column("transitive_tags", sa.Text, nullable=False),
        sa.Column("mfa", sa.Boolean, nullable=False),
        sa.Column("issued", sa.Float, nullable=False),
        sa.Column("expires", sa.Integer, nullable=False),
        sa.Column("used", sa.Float),
        sa.Column("address", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_sessions"),
        sa.UniqueConstraint("accessor", name="uq_sessions_accessor"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_sessions_parent", "sessions", ["parent"])
    op.create_index("ix_sessions_origin", "sessions", ["origin"])
    op.create_index("ix_sessions_expires", "sessions", ["expires"])
    op.create_table(
        "session_list",
        sa.Column("segment", sa.Integer, nullable=False),
        sa.Column("offset", sa.Integer, nullable=False),
        sa.Column("dropped", sa.Integer, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("session_list")
    op.drop_table("sessions")
