"""Functions, the statements of their resource policies, and their URLs."""

import sqlalchemy as sa
from alembic import op

revision = "0004_functions"
down_revision = "0003_sessions"


def upgrade() -> None:
    op.create_table(
        "functions",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("revision_id", sa.String(36), nullable=False),
        sa.Column("runtime", sa.String(32), nullable=False),
        sa.Column("role_arn", sa.String(2048), nullable=False),
        sa.Column("handler", sa.String(128), nullable=False),
        sa.Column("description", sa.String(256), nullable=False),
        sa.Column("timeout", sa.Integer, nullable=False),
        sa.Column("memory_size", sa.Integer, nullable=False),
        sa.Column("ephemeral_storage", sa.Integer, nullable=False),
        sa.Column("architecture", sa.String(16), nullable=False),
        sa.Column("variables", sa.LargeBinary, nullable=True),
        sa.Column("code_sha256", sa.String(64), nullable=False),
        sa.Column("code_size", sa.Integer, nullable=False),
        sa.Column("code_blob", sa.String(128), nullable=False),
        sa.Column("reserved_concurrency", sa.Integer, nullable=True),
        sa.Column("tags", sa.Text, nullable=False),
        sa.Column("modified", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_functions"),
    )
    op.create_table(
        "function_statements",
        sa.Column("function", sa.String(64), nullable=False),
        sa.Column("statement_id", sa.String(100), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("statement", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("function", "statement_id", name="pk_function_statements"),
        sa.ForeignKeyConstraint(
            ["function"],
            ["functions.name"],
            name="fk_function_statements_function_functions",
            ondelete="CASCADE",
        ),
    )
    op.create_table(
        "function_urls",
        sa.Column("url_id", sa.String(32), nullable=False),
        sa.Column("function", sa.String(64), nullable=False),
        sa.Column("auth_type", sa.String(16), nullable=False),
        sa.Column("invoke_mode", sa.String(32), nullable=False),
        sa.Column("cors", sa.Text, nullable=True),
        sa.Column("created", sa.Float, nullable=False),
        sa.Column("modified", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("url_id", name="pk_function_urls"),
        sa.UniqueConstraint("function", name="uq_function_urls_function"),
        sa.ForeignKeyConstraint(
            ["function"],
            ["functions.name"],
            name="fk_function_urls_function_functions",
            ondelete="CASCADE",
        ),
    )


def downgrade() -> None:
    op.drop_table("function_urls")
    op.drop_table("function_statements")
    op.drop_table("functions")
