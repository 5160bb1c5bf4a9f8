"""The key ring and the revocations."""

import sqlalchemy as sa
from alembic import op

revision = "0003_sessions"
down_revision = "0002_identity"


def upgrade() -> None:
    op.create_table(
        "keys",
        sa.Column("id", sa.String(8), nullable=False),
        sa.Column("material", sa.LargeBinary, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("since", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_keys"),
    )
    op.create_table(
        "revocations",
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("target", sa.String(64), nullable=False),
        sa.Column("before", sa.Float, nullable=False),
        sa.Column("revoked", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("kind", "target", name="pk_revocations"),
    )


def downgrade() -> None:
    op.drop_table("revocations")
    op.drop_table("keys")
