"""Account, users, roles, groups, access keys, and their policies."""

import sqlalchemy as sa
from alembic import op

revision = "0002_identity"
down_revision = "0001_changes"


def _create_identity_table(name: str, *columns: "sa.Column[object] | sa.UniqueConstraint") -> None:
    op.create_table(
        name,
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("folded_name", sa.String(128), nullable=False),
        sa.Column("path", sa.String(512), nullable=False),
        sa.Column("created", sa.Integer, nullable=False),
        *columns,
        sa.PrimaryKeyConstraint("id", name=f"pk_{name}"),
        sa.UniqueConstraint("folded_name", name=f"uq_{name}_folded_name"),
    )


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("id", sa.String(12), nullable=False),
        sa.Column("region", sa.String(32), nullable=False),
        sa.Column("created", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_account"),
    )
    _create_identity_table(
        "users",
        sa.Column("boundary", sa.String(2048)),
        sa.Column("tags", sa.JSON, nullable=False),
    )
    _create_identity_table(
        "roles",
        sa.Column("boundary", sa.String(2048)),
        sa.Column("tags", sa.JSON, nullable=False),
        sa.Column("description", sa.Text),
        sa.Column("max_session_duration", sa.Integer, nullable=False),
        sa.Column("trust", sa.Text, nullable=False),
    )
    _create_identity_table("groups")
    op.create_table(
        "memberships",
        sa.Column("user_id", sa.String(32), nullable=False),
        sa.Column("group_id", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "group_id", name="pk_memberships"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_memberships_user_id_users"),
        sa.ForeignKeyConstraint(["group_id"], ["groups.id"], name="fk_memberships_group_id_groups"),
    )
    op.create_table(
        "access_keys",
        sa.Column("id", sa.String(128), nullable=False),
        sa.Column("user_id", sa.String(32)),
        sa.Column("encrypted_secret", sa.LargeBinary, nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("created", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_access_keys"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_access_keys_user_id_users"),
    )
    op.create_index("ix_access_keys_user_id", "access_keys", ["user_id"])
    _create_policy_tables()


def _create_policy_tables() -> None:
    _create_identity_table(
        "managed_policies",
        sa.Column("arn", sa.String(2048), nullable=False),
        sa.Column("description", sa.Text),
        sa.Column("tags", sa.JSON, nullable=False),
        sa.Column("updated", sa.Integer, nullable=False),
        sa.Column("default_version", sa.Integer, nullable=False),
        sa.Column("newest_version", sa.Integer, nullable=False),
        sa.UniqueConstraint("arn", name="uq_managed_policies_arn"),
    )
    op.create_table(
        "policy_versions",
        sa.Column("policy_id", sa.String(32), nullable=False),
        sa.Column("number", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("created", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("policy_id", "number", name="pk_policy_versions"),
        sa.ForeignKeyConstraint(
            ["policy_id"],
            ["managed_policies.id"],
            name="fk_policy_versions_policy_id_managed_policies",
        ),
    )
    op.create_table(
        "inline_policies",
        sa.Column("owner_id", sa.String(32), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("owner_id", "name", name="pk_inline_policies"),
    )
    op.create_table(
        "attachments",
        sa.Column("owner_id", sa.String(32), nullable=False),
        sa.Column("policy_arn", sa.String(2048), nullable=False),
        sa.PrimaryKeyConstraint("owner_id", "policy_arn", name="pk_attachments"),
    )
    op.create_index("ix_attachments_policy_arn", "attachments", ["policy_arn"])


def downgrade() -> None:
    for table in (
        "attachments",
        "inline_policies",
        "policy_versions",
        "managed_policies",
        "access_keys",
        "memberships",
        "groups",
        "roles",
        "users",
        "account",
    ):
        op.drop_table(table)
