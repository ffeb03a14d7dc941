"""What can go wrong, in the words of the house.

`code` is both the machine's word for an error and, as `error.<code>`, the key of the sentence a
person reads, so nothing above this file builds error text. `status` is what an HTTP edge answers.
"""


class DomainError(Exception):
    """A refusal that somebody must be told of: never a defect, always a sentence."""

    code = "error"
    status = 400

    def __init__(self, code: str | None = None, **details: object) -> None:
        """Name what happened; `details` fill the blanks of its sentence."""
        self.code = code or type(self).code
        self.details = details
        super().__init__(self.code, details)


class Invalid(DomainError):
    """What was handed in breaks a rule of form; handing it in corrected will help."""

    code, status = "invalid", 422


class NotFound(DomainError):
    """There is no such thing, or none that the asker may know of."""

    code, status = "not_found", 404


class Unauthenticated(DomainError):
    """Nobody is signed in, or not lately enough for this act."""

    code, status = "sign_in_needed", 401


class Forbidden(DomainError):
    """The asker is known and may not do this."""

    code, status = "forbidden", 403


class Conflict(DomainError):
    """Someone was faster, or the thing has already moved on."""

    code, status = "conflict", 409


class TooMany(DomainError):
    """Asked too often; `retry_after` (seconds) says when to ask again."""

    code, status = "too_many", 429


class Unavailable(DomainError):
    """We are full, or a counterpart did not answer; trying again may help."""

    code, status = "unavailable", 503
