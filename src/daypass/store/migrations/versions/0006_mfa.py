"""Virtual MFA devices."""

import sqlalchemy as sa
from alembic import op

revision = "0006_mfa"
down_revision = "0005_buckets"


def upgrade() -> None:
    op.create_table(
        "mfa_devices",
        sa.Column("arn", sa.String(1024), nullable=False),
        sa.Column("folded_arn", sa.String(1024), nullable=False),
        sa.Column("user_id", sa.String(32)),
        sa.Column("encrypted_seed", sa.LargeBinary, nullable=False),
        sa.Column("enabled", sa.Integer),
        sa.Column("drift", sa.Integer, nullable=False),
        sa.Column("last_step", sa.Integer, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("paused_until", sa.Float, nullable=False),
        sa.Column("tags", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("arn", name="pk_mfa_devices"),
        sa.UniqueConstraint("folded_arn", name="uq_mfa_devices_folded_arn"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_mfa_devices_user_id_users"),
    )
    op.create_index("ix_mfa_devices_user_id", "mfa_devices", ["user_id"])


def downgrade() -> None:
    op.drop_table("mfa_devices")
