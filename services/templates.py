"""Which messages there are, over which channels, and what each may say.

A letter or a text message leaves the house: anybody may read it over a shoulder. So it can only
be filled with what tells nothing about health (`MAY_LEAVE`), whatever a caller hands in.
Sentences: `message.<key>.title` and `.text` in the house, `.mail` and `.sms` outside.
"""

from dataclasses import dataclass

from data.messages import Channel

IN_APP = frozenset({Channel.IN_APP})
BY_MAIL = frozenset({Channel.IN_APP, Channel.EMAIL})
OUTSIDE_ONLY = frozenset({Channel.EMAIL, Channel.SMS})
EVERYWHERE = frozenset(Channel)

MAY_LEAVE = frozenset(
    {"address", "code", "count", "day", "document", "hospital", "link", "minutes", "moment"}
    | {"name", "username", "what"}
)
"""The blanks that a letter or a text message may have."""


@dataclass(frozen=True, slots=True)
class Template:
    """One kind of message."""

    key: str
    channels: frozenset[Channel]
    secret: bool = False
    """Its values are wiped once it is sent: a code, a link that opens a door."""

    def sentence(self, channel: Channel) -> str:
        """Return the key of its text on a channel."""
        ending = {Channel.EMAIL: "mail", Channel.SMS: "sms", Channel.IN_APP: "text"}[channel]
        return f"message.{self.key}.{ending}"

    @property
    def title(self) -> str:
        """The key of its title: a heading in the house, the subject of a letter."""
        return f"message.{self.key}.title"


TEMPLATES: dict[str, Template] = {
    template.key: template
    for template in (
        Template("account_locked", EVERYWHERE),
        Template("account_opened", BY_MAIL),
        Template("code", OUTSIDE_ONLY, secret=True),
        Template("contact_changed", EVERYWHERE),
        Template("doctor_gone", EVERYWHERE),
        Template("factors_reset", EVERYWHERE),
        Template("health_red", BY_MAIL),
        Template("licence_expires", BY_MAIL),
        Template("new_sign_in", BY_MAIL),
        Template("password_reset", EVERYWHERE),
        Template("place_offered", EVERYWHERE),
        Template("refund_made", EVERYWHERE),
        Template("reset_asked", EVERYWHERE),
        Template("task_for_you", IN_APP),
        Template("task_overdue", BY_MAIL),
        Template("test", EVERYWHERE),
        Template("turn_called", EVERYWHERE),
        Template("turn_near", EVERYWHERE),
        Template("visit_booked", EVERYWHERE),
        Template("visit_cancelled", EVERYWHERE),
        Template("visit_missed", EVERYWHERE),
        Template("visit_moved", EVERYWHERE),
        Template("visit_reminder", EVERYWHERE),
    )
}
