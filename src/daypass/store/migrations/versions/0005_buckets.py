"""Buckets, their objects, and multipart uploads."""

import sqlalchemy as sa
from alembic import op

revision = "0005_buckets"
down_revision = "0004_functions"


def upgrade() -> None:
    _create_buckets()
    _create_objects()
    _create_uploads()
    op.create_table(
        "condemned_blobs",
        sa.Column("blob", sa.String(64), nullable=False),
        sa.Column("due", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("blob", name="pk_condemned_blobs"),
    )
    op.create_index("ix_condemned_blobs_due", "condemned_blobs", ["due"])


def _create_buckets() -> None:
    op.create_table(
        "buckets",
        sa.Column("id", sa.Integer, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(63), nullable=False),
        sa.Column("owner", sa.String(12), nullable=False),
        sa.Column("region", sa.String(32), nullable=False),
        sa.Column("created", sa.Integer, nullable=False),
        sa.Column("policy", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_buckets"),
        sa.UniqueConstraint("name", name="uq_buckets_name"),
        sqlite_autoincrement=True,
    )


def _create_objects() -> None:
    op.create_table(
        "objects",
        sa.Column("id", sa.Integer, autoincrement=True, nullable=False),
        sa.Column("bucket_id", sa.Integer, nullable=False),
        sa.Column("key", sa.LargeBinary(1024), nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("etag", sa.String(64), nullable=False),
        sa.Column("modified", sa.Integer, nullable=False),
        sa.Column("headers", sa.Text, nullable=False),
        sa.Column("metadata", sa.Text, nullable=False),
        sa.Column("checksum", sa.Text, nullable=False),
        sa.Column("upload_id", sa.String(64)),
        sa.Column("data", sa.LargeBinary),
        sa.PrimaryKeyConstraint("id", name="pk_objects"),
        sa.ForeignKeyConstraint(["bucket_id"], ["buckets.id"], name="fk_objects_bucket_id_buckets"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_objects_bucket_id", "objects", ["bucket_id", "key"], unique=True)
    op.create_table(
        "segments",
        sa.Column("object_id", sa.Integer, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("blob", sa.String(64), nullable=False),
        sa.Column("checksum", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("object_id", "position", name="pk_segments"),
        sa.ForeignKeyConstraint(
            ["object_id"],
            ["objects.id"],
            name="fk_segments_object_id_objects",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_segments_blob", "segments", ["blob"])


def _create_uploads() -> None:
    op.create_table(
        "uploads",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("bucket_id", sa.Integer, nullable=False),
        sa.Column("key", sa.LargeBinary(1024), nullable=False),
        sa.Column("initiated", sa.Integer, nullable=False),
        sa.Column("initiator", sa.Text, nullable=False),
        sa.Column("headers", sa.Text, nullable=False),
        sa.Column("metadata", sa.Text, nullable=False),
        sa.Column("algorithm", sa.String(16), nullable=False),
        sa.Column("checksum_type", sa.String(16), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_uploads"),
        sa.ForeignKeyConstraint(["bucket_id"], ["buckets.id"], name="fk_uploads_bucket_id_buckets"),
    )
    op.create_index("ix_uploads_bucket_id", "uploads", ["bucket_id", "key", "id"])
    op.create_table(
        "parts",
        sa.Column("upload_id", sa.String(64), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("etag", sa.String(64), nullable=False),
        sa.Column("modified", sa.Integer, nullable=False),
        sa.Column("blob", sa.String(64), nullable=False),
        sa.Column("checksum", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("upload_id", "number", name="pk_parts"),
        sa.ForeignKeyConstraint(
            ["upload_id"], ["uploads.id"], name="fk_parts_upload_id_uploads", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_parts_blob", "parts", ["blob"])


def downgrade() -> None:
    for table in ("parts", "uploads", "segments", "objects", "buckets", "condemned_blobs"):
        op.drop_table(table)
