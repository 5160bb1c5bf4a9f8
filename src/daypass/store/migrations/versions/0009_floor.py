"""Until when the sessions of each key are expired, whatever the clock says."""

import sqlalchemy as sa
from alembic import op

revision = "0009_floor"
down_revision = "0008_saml"


def upgrade() -> None:
    op.add_column("keys", sa.Column("floor", sa.Integer, nullable=False, server_default="0"))


def downgrade() -> None:
    op.drop_column("keys", "floor")
