"""SAML: the providers the account trusts, and the assertions that were used."""

import sqlalchemy as sa
from alembic import op

revision = "0008_saml"
down_revision = "0007_oidc"


def upgrade() -> None:
    op.create_table(
        "saml_providers",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("folded_name", sa.String(128), nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("issuers", sa.JSON, nullable=False),
        sa.Column("valid_until", sa.Integer, nullable=False),
        sa.Column("tags", sa.JSON, nullable=False),
        sa.Column("created", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_saml_providers"),
        sa.UniqueConstraint("folded_name", name="uq_saml_providers_folded_name"),
    )
    op.create_table(
        "saml_assertions",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("usable_until", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_saml_assertions"),
    )
    op.create_index("ix_saml_assertions_usable_until", "saml_assertions", ["usable_until"])


def downgrade() -> None:
    op.drop_table("saml_assertions")
    op.drop_table("saml_providers")
