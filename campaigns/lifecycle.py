"""Every state there is, what it means, and which moves are allowed.

Rules of this file:

* A state changes only through `advance`, a conditional UPDATE: `WHERE state IN (states that may move there)`.
  One row changed means that we won; none means that somebody was faster, and their word stands.
* A move that the tables do not list is a programming error and raises IllegalTransition.
* Status and reason are two fields: where a thing stands, and why.
"""

from collections.abc import Mapping
from typing import Any

from django.db import models


class IllegalTransition(Exception):
    """A move that no table allows was asked for."""


class CampaignStatus(models.TextChoices):
    DRAFT = "draft", "Draft"  # being written; nobody is called
    SCHEDULED = "scheduled", "Scheduled"  # starts by itself at its time
    RUNNING = "running", "Running"  # calls people when window, slots and pace allow
    PAUSED = "paused", "Paused"  # no new call; talks in progress go on
    DRAINING = "draining", "Draining"  # stopped; waits for the last talks to end
    COMPLETED = "completed", "Completed"  # nobody is pending, due or in call
    CANCELLED = "cancelled", "Cancelled"  # stopped before everybody was called


class ContactState(models.TextChoices):
    PENDING = "pending", "Pending"  # not called yet, or not reached and due again at once
    IN_CALL = "in-call", "In call"  # an attempt is open
    RETRY = "retry", "Retry at"  # will be called again at due_at
    DONE = "done", "Done"  # called, and no further call is planned
    SKIPPED = "skipped", "Skipped"  # will not be called, for the reason beside it
    UNCERTAIN = "uncertain", "Uncertain"  # we cannot say whether the phone rang; nobody redials


class AttemptState(models.TextChoices):
    DIALING = "dialing", "Dialling"  # the intent is written; the POST is on its way, or its process died
    PLACED = "placed", "Placed"  # Exotel answered with a Sid: it is dialling
    ANSWERED = "answered", "In call"  # the person, or a voicemail, picked up
    ENDED = "ended", "Ended"  # the carrier said how it ended: see the outcome
    REFUSED = "refused", "Refused"  # nothing was dialled
    UNKNOWN = "unknown", "Unknown"  # we cannot say whether it was dialled


class Outcome(models.TextChoices):
    ANSWERED = "answered", "Answered"  # picked up; may be a voicemail
    BUSY = "busy", "Busy"
    NO_ANSWER = "no-answer", "No answer"
    FAILED = "failed", "Failed"  # the network could not place it
    CANCELLED = "cancelled", "Cancelled"  # ended by the carrier or by us before an answer
    REFUSED = "refused", "Refused"  # Exotel said no for this person; nobody was dialled


class ImportStatus(models.TextChoices):
    UPLOADED = "uploaded", "Uploaded"  # waits for the phone column to be chosen
    QUEUED = "queued", "Queued"  # waits for a worker
    RUNNING = "running", "Importing"
    DONE = "done", "Imported"
    FAILED = "failed", "Failed"  # could not be read to its end, for the reason beside it
    CANCELLED = "cancelled", "Cancelled"  # stopped or discarded by somebody; who came in before stays
    UNDOING = "undoing", "Undoing"  # who came in goes again, as far as nobody was called
    UNDONE = "undone", "Undone"


_C, _P, _A, _I = CampaignStatus, ContactState, AttemptState, ImportStatus

Table = Mapping[str, frozenset[str]]


def _table(moves: Mapping[str, tuple[str, ...]]) -> Table:
    return {str(before): frozenset(map(str, after)) for before, after in moves.items()}


CAMPAIGN = _table(
    {
        _C.DRAFT: (_C.SCHEDULED, _C.RUNNING, _C.CANCELLED),
        _C.SCHEDULED: (_C.DRAFT, _C.RUNNING, _C.CANCELLED),
        _C.RUNNING: (_C.PAUSED, _C.DRAINING, _C.COMPLETED),
        _C.PAUSED: (_C.RUNNING, _C.DRAINING),
        _C.DRAINING: (_C.CANCELLED,),
        _C.COMPLETED: (_C.RUNNING,),  # uncertain people that the operator decides to call after all
        _C.CANCELLED: (),
    }
)
CAMPAIGN_CONTACT = _table(
    {
        _P.PENDING: (_P.IN_CALL, _P.SKIPPED),
        _P.RETRY: (_P.IN_CALL, _P.SKIPPED, _P.DONE),
        _P.IN_CALL: (_P.PENDING, _P.RETRY, _P.DONE, _P.SKIPPED, _P.UNCERTAIN),
        _P.UNCERTAIN: (_P.IN_CALL, _P.PENDING, _P.RETRY, _P.DONE, _P.SKIPPED),
        _P.DONE: (),
        _P.SKIPPED: (),
    }
)
# The call details say that a call which was told to be answered was not: only by outcomes._settle_again.
CORRECTED = _table({_P.DONE: (_P.RETRY,)})
# Somebody speaks of a call that counts as never dialled: only by campaigns.disproofs.
DISPROVEN = _table({_P.PENDING: (_P.UNCERTAIN,)})
ATTEMPT = _table(
    {
        _A.DIALING: (_A.PLACED, _A.ANSWERED, _A.ENDED, _A.REFUSED, _A.UNKNOWN),
        _A.UNKNOWN: (_A.PLACED, _A.ANSWERED, _A.ENDED, _A.REFUSED),
        _A.PLACED: (_A.ANSWERED, _A.ENDED),
        _A.ANSWERED: (_A.ENDED,),
        _A.ENDED: (),
        _A.REFUSED: (),
    }
)
IMPORT = _table(
    {
        _I.UPLOADED: (_I.QUEUED, _I.FAILED, _I.CANCELLED),
        _I.QUEUED: (_I.RUNNING, _I.FAILED, _I.CANCELLED),
        _I.RUNNING: (_I.DONE, _I.FAILED, _I.CANCELLED),
        _I.DONE: (_I.UNDOING,),
        _I.FAILED: (_I.UNDOING, _I.QUEUED),  # queued again: most of a list shall leave it, as somebody has confirmed
        _I.CANCELLED: (_I.UNDOING,),
        _I.UNDOING: (_I.UNDONE, _I.FAILED),
        _I.UNDONE: (),
    }
)

OPEN_ATTEMPTS = (_A.DIALING, _A.PLACED, _A.ANSWERED, _A.UNKNOWN)
DUE_CONTACTS = (_P.PENDING, _P.RETRY)
DUE_IMPORTS = (_I.QUEUED, _I.RUNNING, _I.UNDOING)
ENDED_IMPORTS = (_I.DONE, _I.FAILED, _I.CANCELLED, _I.UNDONE)
LIVE_CAMPAIGNS = (_C.RUNNING, _C.PAUSED, _C.DRAINING)
ENDED_CAMPAIGNS = (_C.COMPLETED, _C.CANCELLED)


def sources(table: Table, to: str) -> frozenset[str]:
    """The states from which `to` may be reached; raises IllegalTransition when there is none."""
    found = frozenset(before for before, after in table.items() if to in after)
    if not found:
        raise IllegalTransition(f"nothing may become {str(to)!r}")
    return found


def advance(rows: models.QuerySet[Any], table: Table, to: str, *, field: str = "state", **changes: Any) -> int:
    """Move every row of `rows` that may move to `to`, with `changes` in the same UPDATE; returns how many did."""
    return rows.filter(**{f"{field}__in": sources(table, to)}).update(**{field: to}, **changes)
