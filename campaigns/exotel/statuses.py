"""Exotel's words for how a call or a stream stands, and ours. The one place where they meet."""

from enum import StrEnum


class CallStatus(StrEnum):
    """How a call stands or ended. The terminal values are the outcomes of the domain, letter for letter."""

    ANSWERED = "answered"  # the first leg was picked up and the call is over; a voicemail counts
    BUSY = "busy"  # the network said busy, or the person declined
    NO_ANSWER = "no-answer"  # it rang until the ring timeout
    FAILED = "failed"  # the network could not place it
    CANCELLED = "cancelled"  # ended before an answer, by the carrier or by us
    IN_PROGRESS = "in-progress"  # being dialled, ringing or talking: not over, and not proof of an answer
    UNRECOGNISED = "unrecognised"  # a word we do not know: keep it, ask the call details

    @property
    def terminal(self) -> bool:
        """Whether the call is over."""
        return self not in (CallStatus.IN_PROGRESS, CallStatus.UNRECOGNISED)


class EndedBy(StrEnum):
    """Who ended a stream."""

    CALLER = "caller"
    BOT = "bot"
    CARRIER = "carrier"
    UNSAID = ""


# Status values: exotel-wire 1 (the answer to the POST), 2 (callbacks) and 5 (call details).
CALL_STATUSES = {
    "completed": CallStatus.ANSWERED,
    "busy": CallStatus.BUSY,
    "no-answer": CallStatus.NO_ANSWER,
    "failed": CallStatus.FAILED,
    "canceled": CallStatus.CANCELLED,
    "cancelled": CallStatus.CANCELLED,
    "queued": CallStatus.IN_PROGRESS,
    "ringing": CallStatus.IN_PROGRESS,
    "in-progress": CallStatus.IN_PROGRESS,
}

# Stream[DisconnectedBy] is user, bot or NA (exotel-wire 3); the developer guide prints caller, bot, system.
ENDED_BY = {
    "user": EndedBy.CALLER,
    "caller": EndedBy.CALLER,
    "bot": EndedBy.BOT,
    "system": EndedBy.CARRIER,
}


def _plain(word: str) -> str:
    return word.strip().lower().replace("_", "-").replace(" ", "-")


def call_status(word: str | None) -> CallStatus:
    """Our word for Exotel's, in any letter case, with -, _ or a space."""
    return CALL_STATUSES.get(_plain(word or ""), CallStatus.UNRECOGNISED)


def ended_by(word: str | None) -> EndedBy:
    """Our word for who ended the stream; unsaid for NA and for anything unknown."""
    return ENDED_BY.get(_plain(word or ""), EndedBy.UNSAID)
