"""Who did what to which thing, written in the transaction of the act itself."""

from dataclasses import dataclass

from django.contrib.auth.models import AnonymousUser

from campaigns.models import AuditEntry, User


@dataclass(frozen=True)
class Actor:
    """Whoever acts: a person who is signed in, the command line, or Dialer itself."""

    name: str
    user: User | None = None

    @classmethod
    def of(cls, user: User | AnonymousUser) -> "Actor":
        return cls(str(user), user) if isinstance(user, User) else COMMAND_LINE


DIALER = Actor("Dialer")
COMMAND_LINE = Actor("command line")


def record(by: Actor, action: str, subject: str, **details: object) -> None:
    """Append one line; `subject` is kind:id, `details` are JSON values, numbers of people only masked."""
    AuditEntry.objects.create(actor=by.user, actor_name=by.name, action=action, subject=subject, details=details)
