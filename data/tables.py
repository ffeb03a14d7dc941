"""Every table there is: importing this makes the metadata complete."""

from data import (  # noqa: F401
    appointments,
    audit,
    billing,
    clinicians,
    config,
    drafts,
    institution,
    messages,
    outbox,
    patients,
    queue,
    records,
    stored_file,
    tasks,
    users,
    workbench,
)
from data.base import Base

metadata = Base.metadata
