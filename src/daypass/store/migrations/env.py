"""Alembic's entry: run the migrations on the connection `daypass.store.migrate` hands over."""

from alembic import context

from daypass.store.schema import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    transaction_per_migration=True,
    render_as_batch=True,
    version_table_pk=True,
)
with context.begin_transaction():
    context.run_migrations()
