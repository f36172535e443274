"""Calls that were recorded, in a simulator account on loopback."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from campaigns.exotel.details import CallDetails
from campaigns.exotel.statuses import CallStatus
from campaigns.lifecycle import AttemptState, Outcome
from campaigns.models import CallAttempt, ExotelAccount, Pacer, Recording
from campaigns.recordings.downloading import Limits
from campaigns.recordings.fetching import Outside
from tests import people

SID = "simulated"


def account(address: str, **fields: Any) -> ExotelAccount:
    return people.account(api_url=address, account_sid=SID, **fields)


def call(of: ExotelAccount, *, record: bool = True, **fields: Any) -> CallAttempt:
    """A call that has just ended answered."""
    ended: dict[str, Any] = {
        "state": AttemptState.ENDED,
        "outcome": Outcome.ANSWERED,
        "ended_at": timezone.now(),
        "sid": f"sid{people.phone()[1:]}",
    }
    to = people.contact(people.campaign(of, record=record))
    return people.attempt(to, **ended | fields)


def details(address: str | None) -> CallDetails:
    """What Exotel's call details say, as far as it matters here."""
    return CallDetails(
        sid="", number="", caller_id="", status=CallStatus.ANSWERED, direction="", created=None, start=None, end=None,
        duration=None, conversation_duration=None, price=None, recording_url=address, raw={},
    )  # fmt: skip


class Exotel:
    """Call details that a test decides; `asked` are the Sids."""

    def __init__(self, answer: CallDetails | Exception | None = None) -> None:
        self.answer = answer
        self.asked: list[str] = []

    def __call__(self, of: ExotelAccount, sid: str) -> CallDetails | None:
        self.asked.append(sid)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def outside(exotel: Exotel | None = None, **limits: Any) -> Outside:
    return Outside(ask=exotel or Exotel(), limits=Limits(**{"seconds": 5.0} | limits))


def due_now(recording: Recording, **fields: Any) -> None:
    """Time passes until its next try. Until the turn of a next question as well: on a fast machine it has not come."""
    past = timezone.now() - timedelta(seconds=1)
    Pacer.objects.filter(account=recording.attempt.account_id).update(next_details_at=past)
    Recording.objects.filter(pk=recording.pk).update(**{"next_try_at": past} | fields)
