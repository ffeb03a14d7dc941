"""Appointments, wait-lists, bans, and the line."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "booking_ban",
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lifted_by", sa.Uuid(), nullable=True),
        sa.Column("lifted_because", sa.String(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_booking_ban")),
    )
    with op.batch_alter_table("booking_ban", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_booking_ban_institution_id"), ["institution_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_booking_ban_patient_id"), ["patient_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_booking_ban_site_id"), ["site_id"], unique=False)
    op.create_table(
        "presence",
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_beat_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("away_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("told_step", sa.Integer(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_presence")),
        sa.UniqueConstraint("owner_id", name=op.f("uq_presence_owner_id")),
    )
    with op.batch_alter_table("presence", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_presence_institution_id"), ["institution_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_presence_last_beat_at"), ["last_beat_at"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_presence_site_id"), ["site_id"], unique=False)
    op.create_table(
        "served_time",
        sa.Column("clinician_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("seconds", sa.Integer(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_served_time")),
    )
    with op.batch_alter_table("served_time", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_served_time_clinician_id"), ["clinician_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_served_time_ended_at"), ["ended_at"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_served_time_institution_id"), ["institution_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_served_time_site_id"), ["site_id"], unique=False)
    op.create_table(
        "waitlist_entry",
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("clinician_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("since_day", sa.Date(), nullable=False),
        sa.Column("until_day", sa.Date(), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("slot_id", sa.Uuid(), nullable=True),
        sa.Column("offered_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_waitlist_entry")),
    )
    with op.batch_alter_table("waitlist_entry", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_waitlist_entry_clinician_id"), ["clinician_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_waitlist_entry_created_at"), ["created_at"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_waitlist_entry_institution_id"), ["institution_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_waitlist_entry_owner_id"), ["owner_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_waitlist_entry_patient_id"), ["patient_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_waitlist_entry_site_id"), ["site_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_waitlist_entry_state"), ["state"], unique=False)
    op.create_table(
        "appointment",
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("slot_id", sa.Uuid(), nullable=False),
        sa.Column("shift_id", sa.Uuid(), nullable=False),
        sa.Column("clinician_id", sa.Uuid(), nullable=False),
        sa.Column("department_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("channel", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("state_reason", sa.String(), nullable=False),
        sa.Column("is_by_proxy", sa.Boolean(), nullable=False),
        sa.Column("price_fen", sa.Integer(), nullable=False),
        sa.Column("price_version", sa.Integer(), nullable=False),
        sa.Column("booked_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("hold_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("checked_in_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["slot_id"], ["slot.id"], name=op.f("fk_appointment_slot_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_appointment")),
    )
    with op.batch_alter_table("appointment", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_appointment_clinician_id"), ["clinician_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_appointment_department_id"), ["department_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_appointment_institution_id"), ["institution_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_appointment_owner_id"), ["owner_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_appointment_patient_id"), ["patient_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_appointment_shift_id"), ["shift_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_appointment_site_id"), ["site_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_appointment_slot_id"), ["slot_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_appointment_starts_at"), ["starts_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_appointment_state"), ["state"], unique=False)
        batch_op.create_index(
            "uq_appointment_living_slot",
            ["slot_id"],
            unique=True,
            sqlite_where=sa.text("state IN ('created','confirmed','checked_in','in_consult')"),
            postgresql_where=sa.text("state IN ('created','confirmed','checked_in','in_consult')"),
        )
    op.create_table(
        "ticket",
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("appointment_id", sa.Uuid(), nullable=False),
        sa.Column("clinician_id", sa.Uuid(), nullable=False),
        sa.Column("department_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("slot_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("slot_ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("state_reason", sa.String(), nullable=False),
        sa.Column("checked_in_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("called_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("served_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("returns", sa.Integer(), nullable=False),
        sa.Column("behind", sa.Integer(), nullable=False),
        sa.Column("is_away", sa.Boolean(), nullable=False),
        sa.Column("told_near", sa.Boolean(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["appointment_id"], ["appointment.id"], name=op.f("fk_ticket_appointment_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket")),
        sa.UniqueConstraint("appointment_id", name=op.f("uq_ticket_appointment_id")),
    )
    with op.batch_alter_table("ticket", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_ticket_clinician_id"), ["clinician_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_ticket_department_id"), ["department_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_ticket_institution_id"), ["institution_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_ticket_owner_id"), ["owner_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_ticket_patient_id"), ["patient_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_ticket_site_id"), ["site_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_ticket_slot_at"), ["slot_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_ticket_state"), ["state"], unique=False)
        batch_op.create_index(
            "uq_ticket_serving",
            ["clinician_id"],
            unique=True,
            sqlite_where=sa.text("state = 'serving'"),
            postgresql_where=sa.text("state = 'serving'"),
        )
    op.create_table(
        "wait_forecast",
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("clinician_id", sa.Uuid(), nullable=False),
        sa.Column("ahead", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seconds", sa.Integer(), nullable=False),
        sa.Column("came_to", sa.Integer(), nullable=True),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["ticket.id"], name=op.f("fk_wait_forecast_ticket_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wait_forecast")),
        sa.UniqueConstraint("ticket_id", name=op.f("uq_wait_forecast_ticket_id")),
    )
    with op.batch_alter_table("wait_forecast", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_wait_forecast_clinician_id"), ["clinician_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_wait_forecast_institution_id"), ["institution_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_wait_forecast_made_at"), ["made_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_wait_forecast_site_id"), ["site_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("wait_forecast", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_wait_forecast_site_id"))
        batch_op.drop_index(batch_op.f("ix_wait_forecast_made_at"))
        batch_op.drop_index(batch_op.f("ix_wait_forecast_institution_id"))
        batch_op.drop_index(batch_op.f("ix_wait_forecast_clinician_id"))
    op.drop_table("wait_forecast")
    with op.batch_alter_table("ticket", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_ticket_serving",
            sqlite_where=sa.text("state = 'serving'"),
            postgresql_where=sa.text("state = 'serving'"),
        )
        batch_op.drop_index(batch_op.f("ix_ticket_state"))
        batch_op.drop_index(batch_op.f("ix_ticket_slot_at"))
        batch_op.drop_index(batch_op.f("ix_ticket_site_id"))
        batch_op.drop_index(batch_op.f("ix_ticket_patient_id"))
        batch_op.drop_index(batch_op.f("ix_ticket_owner_id"))
        batch_op.drop_index(batch_op.f("ix_ticket_institution_id"))
        batch_op.drop_index(batch_op.f("ix_ticket_department_id"))
        batch_op.drop_index(batch_op.f("ix_ticket_clinician_id"))
    op.drop_table("ticket")
    with op.batch_alter_table("appointment", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_appointment_living_slot",
            sqlite_where=sa.text("state IN ('created','confirmed','checked_in','in_consult')"),
            postgresql_where=sa.text("state IN ('created','confirmed','checked_in','in_consult')"),
        )
        batch_op.drop_index(batch_op.f("ix_appointment_state"))
        batch_op.drop_index(batch_op.f("ix_appointment_starts_at"))
        batch_op.drop_index(batch_op.f("ix_appointment_slot_id"))
        batch_op.drop_index(batch_op.f("ix_appointment_site_id"))
        batch_op.drop_index(batch_op.f("ix_appointment_shift_id"))
        batch_op.drop_index(batch_op.f("ix_appointment_patient_id"))
        batch_op.drop_index(batch_op.f("ix_appointment_owner_id"))
        batch_op.drop_index(batch_op.f("ix_appointment_institution_id"))
        batch_op.drop_index(batch_op.f("ix_appointment_department_id"))
        batch_op.drop_index(batch_op.f("ix_appointment_clinician_id"))
    op.drop_table("appointment")
    with op.batch_alter_table("waitlist_entry", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_waitlist_entry_state"))
        batch_op.drop_index(batch_op.f("ix_waitlist_entry_site_id"))
        batch_op.drop_index(batch_op.f("ix_waitlist_entry_patient_id"))
        batch_op.drop_index(batch_op.f("ix_waitlist_entry_owner_id"))
        batch_op.drop_index(batch_op.f("ix_waitlist_entry_institution_id"))
        batch_op.drop_index(batch_op.f("ix_waitlist_entry_created_at"))
        batch_op.drop_index(batch_op.f("ix_waitlist_entry_clinician_id"))
    op.drop_table("waitlist_entry")
    with op.batch_alter_table("served_time", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_served_time_site_id"))
        batch_op.drop_index(batch_op.f("ix_served_time_institution_id"))
        batch_op.drop_index(batch_op.f("ix_served_time_ended_at"))
        batch_op.drop_index(batch_op.f("ix_served_time_clinician_id"))
    op.drop_table("served_time")
    with op.batch_alter_table("presence", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_presence_site_id"))
        batch_op.drop_index(batch_op.f("ix_presence_last_beat_at"))
        batch_op.drop_index(batch_op.f("ix_presence_institution_id"))
    op.drop_table("presence")
    with op.batch_alter_table("booking_ban", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_booking_ban_site_id"))
        batch_op.drop_index(batch_op.f("ix_booking_ban_patient_id"))
        batch_op.drop_index(batch_op.f("ix_booking_ban_institution_id"))
    op.drop_table("booking_ban")
