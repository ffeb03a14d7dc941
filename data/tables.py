"""Every table there is: importing this makes the metadata complete."""

from data import audit, config, drafts, institution, messages, outbox, stored_file, tasks, users  # noqa: F401
from data.base import Base

metadata = Base.metadata
