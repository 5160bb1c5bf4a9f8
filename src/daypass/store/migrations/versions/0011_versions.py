"""Versions, aliases and their policies, URLs and event configurations; layers."""

import sqlalchemy as sa
from alembic import op

revision = "0011_versions"
down_revision = "0010_issued"

# What a function had of its own, and each of its versions has now.
_OF_A_VERSION = (
    *("revision_id", "runtime", "role_arn", "handler", "description", "timeout", "memory_size"),
    *("ephemeral_storage", "architecture", "variables", "code_sha256", "code_size", "code_blob"),
    "modified",
)


def upgrade() -> None:
    _create_versions()
    before = sa.table("functions", sa.column("name"), *map(sa.column, _OF_A_VERSION))
    zero: sa.ColumnElement[int] = sa.literal_column("0")
    after = ("function", "number", "content_id", "code_unpacked", *_OF_A_VERSION)
    op.execute(
        sa.insert(sa.table("function_versions", *map(sa.column, after))).from_select(
            after,
            sa.select(
                before.c.name,
                zero,
                before.c.revision_id,
                zero,
                *(before.c[column] for column in _OF_A_VERSION),
            ),
        )
    )
    op.add_column(
        "functions", sa.Column("next_version", sa.Integer, nullable=False, server_default="1")
    )
    for column in _OF_A_VERSION:
        op.drop_column("functions", column)
    _create_aliases()
    _create_permissions()
    _create_urls()
    _create_event_configs()
    _create_layers()


def _of_function() -> sa.Column[str]:
    return sa.Column("function", sa.String(64), nullable=False)


def _to_functions(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["function"],
        ["functions.name"],
        name=f"fk_{table}_function_functions",
        ondelete="CASCADE",
    )


def _code() -> list[sa.Column[object]]:
    return [
        sa.Column("code_sha256", sa.String(64), nullable=False),
        sa.Column("code_size", sa.Integer, nullable=False),
        sa.Column("code_unpacked", sa.Integer, nullable=False),
        sa.Column("code_blob", sa.String(128), nullable=False),
    ]


def _create_versions() -> None:
    op.create_table(
        "function_versions",
        _of_function(),
        sa.Column("number", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("revision_id", sa.String(36), nullable=False),
        sa.Column("content_id", sa.String(36), nullable=False),
        sa.Column("runtime", sa.String(32), nullable=False),
        sa.Column("role_arn", sa.String(2048), nullable=False),
        sa.Column("handler", sa.String(128), nullable=False),
        sa.Column("description", sa.String(256), nullable=False),
        sa.Column("timeout", sa.Integer, nullable=False),
        sa.Column("memory_size", sa.Integer, nullable=False),
        sa.Column("ephemeral_storage", sa.Integer, nullable=False),
        sa.Column("architecture", sa.String(16), nullable=False),
        sa.Column("variables", sa.LargeBinary, nullable=True),
        *_code(),
        sa.Column("modified", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("function", "number", name="pk_function_versions"),
        _to_functions("function_versions"),
    )
    op.create_table(
        "function_layers",
        _of_function(),
        sa.Column("number", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("arn", sa.String(140), nullable=False),
        *_code(),
        sa.PrimaryKeyConstraint("function", "number", "position", name="pk_function_layers"),
        sa.ForeignKeyConstraint(
            ["function", "number"],
            ["function_versions.function", "function_versions.number"],
            name="fk_function_layers_function_function_versions",
            ondelete="CASCADE",
        ),
    )


def _create_aliases() -> None:
    op.create_table(
        "function_aliases",
        _of_function(),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("description", sa.String(256), nullable=False),
        sa.Column("weights", sa.Text, nullable=False),
        sa.Column("revision_id", sa.String(36), nullable=False),
        sa.PrimaryKeyConstraint("function", "name", name="pk_function_aliases"),
        _to_functions("function_aliases"),
    )


def _create_permissions() -> None:
    op.create_table(
        "function_permissions",
        _of_function(),
        sa.Column("qualifier", sa.String(128), nullable=False),
        sa.Column("statement_id", sa.String(100), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("statement", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint(
            "function", "qualifier", "statement_id", name="pk_function_permissions"
        ),
        _to_functions("function_permissions"),
    )
    op.execute(
        "INSERT INTO function_permissions (function, qualifier, statement_id, position, statement)"
        " SELECT function, '', statement_id, position, statement FROM function_statements"
    )
    op.drop_table("function_statements")


def _create_urls() -> None:
    op.create_table(
        "function_url_configs",
        sa.Column("url_id", sa.String(32), nullable=False),
        _of_function(),
        sa.Column("qualifier", sa.String(128), nullable=True),
        sa.Column("auth_type", sa.String(16), nullable=False),
        sa.Column("invoke_mode", sa.String(32), nullable=False),
        sa.Column("cors", sa.Text, nullable=True),
        sa.Column("created", sa.Float, nullable=False),
        sa.Column("modified", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("url_id", name="pk_function_url_configs"),
        sa.UniqueConstraint("function", "qualifier", name="uq_function_url_configs_function"),
        _to_functions("function_url_configs"),
    )
    op.execute(
        "INSERT INTO function_url_configs (url_id, function, qualifier, auth_type, invoke_mode, "
        "cors, created, modified) SELECT url_id, function, '', auth_type, invoke_mode, cors, "
        "created, modified FROM function_urls"
    )
    op.drop_table("function_urls")


def _create_event_configs() -> None:
    op.create_table(
        "function_event_configs",
        _of_function(),
        sa.Column("qualifier", sa.String(128), nullable=False),
        sa.Column("retries", sa.Integer, nullable=True),
        sa.Column("longest_age", sa.Integer, nullable=True),
        sa.Column("on_success", sa.String(350), nullable=False),
        sa.Column("on_failure", sa.String(350), nullable=False),
        sa.Column("modified", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("function", "qualifier", name="pk_function_event_configs"),
        _to_functions("function_event_configs"),
    )


def _create_layers() -> None:
    op.create_table(
        "layers",
        sa.Column("name", sa.String(140), nullable=False),
        sa.Column("next_version", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_layers"),
    )
    op.create_table(
        "layer_versions",
        sa.Column("layer", sa.String(140), nullable=False),
        sa.Column("number", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("revision_id", sa.String(36), nullable=False),
        sa.Column("description", sa.String(256), nullable=False),
        sa.Column("license_info", sa.String(512), nullable=True),
        sa.Column("runtimes", sa.Text, nullable=False),
        sa.Column("architectures", sa.Text, nullable=False),
        *_code(),
        sa.Column("created", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("layer", "number", name="pk_layer_versions"),
        sa.ForeignKeyConstraint(
            ["layer"], ["layers.name"], name="fk_layer_versions_layer_layers", ondelete="CASCADE"
        ),
    )
    op.create_table(
        "layer_permissions",
        sa.Column("layer", sa.String(140), nullable=False),
        sa.Column("number", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("statement_id", sa.String(100), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("statement", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("layer", "number", "statement_id", name="pk_layer_permissions"),
        sa.ForeignKeyConstraint(
            ["layer", "number"],
            ["layer_versions.layer", "layer_versions.number"],
            name="fk_layer_permissions_layer_layer_versions",
            ondelete="CASCADE",
        ),
    )


def downgrade() -> None:
    raise RuntimeError("What was published cannot be told in the schema before.")
