"""A line of the call log: the person's last words, or why there are none, and whether the call can be heard."""

from collections.abc import Sequence
from dataclasses import dataclass

from campaigns import progress
from campaigns.lifecycle import AttemptState, Outcome
from campaigns.models import CallAttempt, Recording, RecordingStatus
from campaigns.templatetags.dialer import span, when

PERSONS = ("heard", "key")  # entries of a stream that are the person's doing


@dataclass(frozen=True)
class CallRow:
    """`words` in quotes are the person's; else a reason, or ''."""

    call: CallAttempt
    words: str
    recorded: bool


def rows(calls: Sequence[CallAttempt]) -> list[CallRow]:
    """Two queries for all of them."""
    ids = [call.pk for call in calls]
    said = progress.last_words(ids, PERSONS)
    stored = Recording.objects.filter(attempt__in=ids, status=RecordingStatus.STORED)
    recorded = set(stored.values_list("attempt_id", flat=True))
    return [CallRow(call, said.get(call.pk) or _why_silent(call), call.pk in recorded) for call in calls]


def _why_silent(call: CallAttempt) -> str:
    if call.reason:
        return call.reason
    if call.state == AttemptState.UNKNOWN and call.check_at:
        return f"Exotel is asked again {when(call.check_at)}"
    if call.outcome == Outcome.NO_ANSWER and call.placed_at and call.ended_at:
        return f"rang {span((call.ended_at - call.placed_at).total_seconds())}"
    return ""
