"""OpenID Connect: the providers the account trusts, and the account as an issuer."""

import sqlalchemy as sa
from alembic import op

revision = "0007_oidc"
down_revision = "0006_mfa"


def upgrade() -> None:
    op.create_table(
        "oidc_providers",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("url", sa.String(255), nullable=False),
        sa.Column("client_ids", sa.JSON, nullable=False),
        sa.Column("thumbprints", sa.JSON, nullable=False),
        sa.Column("tags", sa.JSON, nullable=False),
        sa.Column("created", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_oidc_providers"),
        sa.UniqueConstraint("name", name="uq_oidc_providers_name"),
    )
    op.create_table(
        "token_issuer",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("created", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_token_issuer"),
    )
    op.create_table(
        "signing_keys",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("algorithm", sa.String(8), nullable=False),
        sa.Column("encrypted_private", sa.LargeBinary, nullable=False),
        sa.Column("public", sa.JSON, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("since", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_signing_keys"),
    )


def downgrade() -> None:
    op.drop_table("signing_keys")
    op.drop_table("token_issuer")
    op.drop_table("oidc_providers")
