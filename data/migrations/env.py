"""What alembic runs for each migration: over the connection that data/schema.py opened."""

from alembic import context

from data.migrations.types import rendered
from data.schema import VERSION_TABLE
from data.tables import metadata

leave_out = context.config.attributes.get("leave_out", ())  # only when one is written

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,  # SQLite alters a table by copying it
    render_item=rendered,
    include_name=lambda name, kind, _: kind != "table" or name not in leave_out,
    include_object=lambda _object, name, kind, *_: kind != "table" or name not in leave_out,
)
context.run_migrations()
