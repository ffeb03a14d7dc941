"""What may be set, by whom, and within which bounds: one line a rule of the house.

A bound that comes from the law cannot be crossed here: a hospital may be stricter, never laxer.
The sentence that names a rule to people is `setting.<key without "policy.">`.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise
from typing import Any

from data.errors import Invalid
from services.permissions import Action


class Kind(StrEnum):
    """The shape of a value."""

    FLAG = "flag"
    WHOLE = "whole"
    SHARE = "share"  # a fraction of one
    CHOICE = "choice"
    TIME = "time"  # "08:00", hospital time
    DAYS = "days"  # whole numbers, falling
    TABLE = "table"  # numbers under fixed names, perhaps nested
    LADDER = "ladder"  # rows of numbers, best first
    FIXED = "fixed"  # shown, never changed


@dataclass(frozen=True, slots=True)
class Item:
    """One rule: its shape, its unit, its bounds."""

    key: str
    kind: Kind
    unit: str = ""
    low: float = 0
    high: float = 0
    choices: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The key of the sentence that names it."""
        return f"setting.{self.key.removeprefix('policy.')}"

    @property
    def group(self) -> str:
        """What it belongs to: `auth`, `rx`, `queue`..."""
        return self.key.split(".")[1]

    @property
    def action(self) -> Action:
        """Which permission it takes to change it."""
        if self.group in SECURITY:
            return Action.SETTING_CHANGE_SECURITY
        return Action.SETTING_CHANGE_CLINICAL if self.group in CLINICAL else Action.SETTING_CHANGE


SECURITY = frozenset({"audit", "auth", "export", "security"})
CLINICAL = frozenset(
    {"adr", "adverse", "appt", "call", "cert", "complaint", "consult", "eval", "followup"}
    | {"longrx", "patient", "process_record", "queue", "record", "recording"}
    | {"recording_access", "rx", "rx_comment", "slot", "staff"}
)

FLAGS = """
auth.check_resets auth.staff_mfa_required longrx.allow_cold_chain_over_28d
longrx.first_requires_offline org.block_on_expired_licence
"""

NUMBERS = """
appt.cancel_before_minutes                     minutes       0    10080
appt.checkin_open_minutes                      minutes       5      240
appt.max_active                                count         1      100
appt.max_per_dept_day                          count         1       20
appt.max_per_doctor_day                        count         1       20
appt.noshow_ban_days                           days          0      365
appt.noshow_grace_minutes                      minutes       0      120
appt.noshow_limit                              count         1      100
appt.noshow_window_days                        days          1      730
audit.export_keep_days                         days        180     3650
audit.legal_min_months                         months        6      120
audit.retention_years                          years         1       30
audit.verify_days                              days          1       31
auth.absolute_hours                            hours         1       12
auth.admin_password_min                        characters   10       64
auth.code_minutes                              minutes       1       15
auth.confirm_minutes                           minutes       1       30
auth.dormant_days                              days         30      365
auth.fail_limit                                count         3       10
auth.fail_window_minutes                       minutes       5     1440
auth.history                                   count         5       24
auth.lock_minutes                              minutes       5     1440
auth.password_classes                          count         3        4
auth.password_max_age_days                     days         30       90
auth.password_min                              characters    8       64
auth.recovery_codes                            count         6       20
auth.temporary_hours                           hours         1      168
backup.drill_days                              days          1      365
backup.max_age_hours                           hours         2      168
backup.rpo_minutes                             minutes       1       15
backup.rto_hours                               hours         1        4
call.alarm_enter_seconds                       seconds       1       60
call.alarm_leave_seconds                       seconds       1      120
call.audio_reserve_kbps                        kbps         24      256
call.ladder_down_seconds                       seconds       1       60
call.ladder_up_seconds                         seconds       1      300
call.row_seconds                               seconds       1       60
call.sample_seconds                            seconds       1       10
cert.record_max_age_days                       days          1      365
cert.rest_days_online_max                      days          1       15
complaint.ack_workdays                         workdays      1        5
complaint.reopen_days                          days          1       90
complaint.reply_complex_workdays               workdays      1       30
complaint.reply_workdays                       workdays      1       30
consult.rejoin_grace_minutes                   minutes       1       60
consult.text_max_hours                         hours         1       72
consult.text_max_rounds                        count         5      200
eval.days                                      days          1       90
export.approval_over_patients                  patients      1       50
followup.max_evidence_days                     days         30      730
health.clock_skew_seconds                      seconds       1       60
health.log_megabytes                           megabytes    16     4096
health.outbox_lag_seconds                      seconds       5     3600
his.breaker_failures                           count         1      100
his.breaker_open_seconds                       seconds       5     3600
his.max_concurrency                            count         1       64
insurance.presettle_valid_minutes              minutes       5      120
longrx.patient_signature_over_days             days          1       28
notify.keep_days                               days         30     1095
notify.max_tries                               count         1       19
order.pay_timeout_minutes                      minutes       5     1440
patient.child_under_years_for_pediatric_rule   years         6       18
patient.guardian_account_under_years           years        14       18
patient.guardian_consent_under_years           years        14       18
patient.max_family_members                     count         0       20
process_record.retention_years                 years         3      100
queue.call_timeout_minutes                     minutes       1       30
queue.default_visit_minutes                    minutes       1      120
queue.doctor_heartbeat_seconds                 seconds       5      300
queue.doctor_silent_minutes                    minutes       1       60
queue.long_wait_minutes                        minutes       5      480
queue.max_calls                                count         1       10
queue.max_returns                              count         0       10
queue.notify_ahead                             count         0       20
queue.refund_after_minutes                     minutes       5     1440
queue.return_after                             count         0       20
record.retention_years                         years        15      100
record.sign_within_hours                       hours         1       24
recording_access.hours                         hours         1      168
recording_access.max_views                     count         1       50
refund.second_approval_over_fen                fen           0 10000000
rx.dispense_after_paid_hours                   hours         1       72
rx.emergency_days                              days          1        3
rx.issue_after_end_hours                       hours         0       24
rx.long_days                                   days          7       28
rx.long_max_days                               days         28       84
rx.max_items                                   count         1        5
rx.max_valid_hours                             hours         1       72
rx.normal_days                                 days          1        7
rx.review_alert_minutes                        minutes       1      240
rx.review_lock_minutes                         minutes       1      120
rx.review_sla_minutes                          minutes       1      480
rx.skin_test_valid_hours                       hours         1       72
rx_comment.min_monthly                         count       100    10000
security.incident_report_hours                 hours         1        4
slot.lock_minutes                              minutes       5       60
slot.release_days                              days          1       90
staff.min_independent_years                    years         3       20
staff.reauth_max_age_hours                     hours         1       12
staff.revoke_sessions_seconds                  seconds       1       60
statistics.suppress_below                      count         5      100
task.oldest_days                               days          1       90
"""

OTHERS = (
    Item("policy.adr.days", Kind.TABLE, "days", 0, 30),
    Item("policy.adverse.hours", Kind.TABLE, "hours", 1, 360),
    Item("policy.auth.idle_minutes", Kind.TABLE, "minutes", 1, 60),
    Item("policy.call.alarm", Kind.TABLE, "", 0, 10_000),
    Item("policy.call.ladder", Kind.LADDER, "", 0, 100_000),
    Item(
        "policy.followup.match_level",
        Kind.CHOICE,
        choices=("ICD10_3CHAR", "ICD10_4CHAR", "ICD10_FULL"),
    ),
    Item("policy.health.disk_free_share", Kind.SHARE, "", 0.02, 0.5),
    Item("policy.org.licence_warn_days", Kind.DAYS, "days", 1, 365),
    Item("policy.appt.reminder_hours", Kind.DAYS, "hours", 1, 168),
    Item("policy.recording.mode", Kind.CHOICE, choices=("ASK", "REQUIRED", "OFF")),
    Item("policy.recording.modes", Kind.FIXED),
    Item("policy.rx.default_valid", Kind.CHOICE, choices=("END_OF_DAY", "HOURS_24", "HOURS_72")),
    Item("policy.rx.restrict_mode", Kind.CHOICE, choices=("BLOCK", "PICKUP_ONLY")),
    Item("policy.rx_comment.sample_rate", Kind.SHARE, "", 0.001, 1),
    Item("policy.slot.release_time", Kind.TIME),
)

IN_ORDER = (
    ("policy.auth.password_min", "policy.auth.admin_password_min"),
    ("policy.call.sample_seconds", "policy.call.row_seconds"),
    ("policy.complaint.reply_workdays", "policy.complaint.reply_complex_workdays"),
    ("policy.patient.guardian_consent_under_years", "policy.patient.guardian_account_under_years"),
    ("policy.rx.emergency_days", "policy.rx.normal_days"),
    ("policy.rx.normal_days", "policy.rx.long_days"),
    ("policy.rx.long_days", "policy.rx.long_max_days"),
    ("policy.rx.review_alert_minutes", "policy.rx.review_sla_minutes"),
)
"""The first of each pair may not be larger than the second."""


def _items() -> Iterator[Item]:
    yield from OTHERS
    for name in FLAGS.split():
        yield Item(f"policy.{name}", Kind.FLAG)
    for line in NUMBERS.strip().splitlines():
        name, unit, low, high = line.split()
        yield Item(f"policy.{name}", Kind.WHOLE, unit, int(low), int(high))


CATALOGUE: dict[str, Item] = {item.key: item for item in sorted(_items(), key=lambda i: i.key)}


def item(key: str) -> Item:
    """Return what is known of a rule; raise `Invalid("setting_unknown")` for any other key."""
    if key not in CATALOGUE:
        raise Invalid("setting_unknown", key=key)
    return CATALOGUE[key]


def checked(rule: Item, value: Any, like: Any) -> Any:
    """Return `value` as it is kept, or raise `Invalid` with the sentence that says what is wrong.

    `like` is the value now: a table keeps its names, a ladder its number of steps.
    """
    if rule.kind is Kind.FIXED:
        raise Invalid("setting_fixed", key=rule.key)
    return CHECKS[rule.kind](rule, value, like)


def _flag(rule: Item, value: Any, _like: Any) -> bool:
    if not isinstance(value, bool):
        raise Invalid("setting_malformed", key=rule.key)
    return value


def _number(rule: Item, value: Any, *, whole: bool) -> int | float:
    right = isinstance(value, int) if whole else isinstance(value, int | float)
    if isinstance(value, bool) or not right:
        raise Invalid("setting_not_a_number", key=rule.key)
    if not rule.low <= value <= rule.high:
        raise Invalid("setting_out_of_range", key=rule.key, low=rule.low, high=rule.high)
    return value  # type: ignore[no-any-return]


def _chosen(rule: Item, value: Any, _like: Any) -> str:
    if value not in rule.choices:
        raise Invalid("setting_not_a_choice", key=rule.key, choices=", ".join(rule.choices))
    return str(value)


def _time(rule: Item, value: Any, _like: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value):
        raise Invalid("setting_not_a_time", key=rule.key)
    return value


def _days(rule: Item, value: Any, _like: Any) -> list[int]:
    if not isinstance(value, list) or not value:
        raise Invalid("setting_malformed", key=rule.key)
    days = [int(_number(rule, each, whole=True)) for each in value]
    return sorted(set(days), reverse=True)


def _numbers(rule: Item, value: Any, like: Any) -> Any:
    """Return `value` if it has the same form as `like` and numbers within bounds."""
    if isinstance(like, dict):
        if not isinstance(value, dict) or set(value) != set(like):
            raise Invalid("setting_malformed", key=rule.key)
        return {name: _numbers(rule, value[name], like[name]) for name in like}
    if isinstance(like, list):
        if not isinstance(value, list) or len(value) != len(like):
            raise Invalid("setting_malformed", key=rule.key)
        return [_numbers(rule, *pair) for pair in zip(value, like, strict=True)]
    if isinstance(like, bool):
        return _flag(rule, value, like)
    if isinstance(like, float) and like < 1:  # a share of one stays one
        return _number(replace(rule, high=1), value, whole=False)
    return _number(rule, value, whole=isinstance(like, int))


def _ladder(rule: Item, value: Any, like: Any) -> Any:
    """A step further down asks for less of the network; the last may ask for none."""
    steps = _numbers(rule, value, like)
    asked = [step.get("kbps", 0) for step in steps]
    if any(lower >= upper for upper, lower in pairwise(asked)):
        raise Invalid("setting_ladder_not_falling", key=rule.key)
    return steps


CHECKS: dict[Kind, Callable[[Item, Any, Any], Any]] = {
    Kind.FLAG: _flag,
    Kind.WHOLE: lambda rule, value, _: _number(rule, value, whole=True),
    Kind.SHARE: lambda rule, value, _: _number(rule, value, whole=False),
    Kind.CHOICE: _chosen,
    Kind.TIME: _time,
    Kind.DAYS: _days,
    Kind.TABLE: _numbers,
    Kind.LADDER: _ladder,
}
