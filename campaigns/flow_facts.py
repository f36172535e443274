"""What a Passthru adds to a call beside its state: keys, stream facts, a recording, and at times the slot."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from campaigns import outcomes
from campaigns.lifecycle import AttemptState
from campaigns.models import CallAttempt, Mode

MOST_STREAMS = 10  # of one call, newest last


def apply(attempt_id: int, said: Mapping[str, Any], at: datetime) -> None:
    """Apply the facts of a Passthru that was believed. Call inside a transaction that has locked the attempt."""
    attempt = CallAttempt.objects.select_related("campaign").get(pk=attempt_id)
    changes: dict[str, Any] = {}
    if said.get("digits"):
        changes["flow_digits"] = str(said["digits"])[:40]
    if said.get("recording_url") and not attempt.recording_url:
        changes["recording_url"] = str(said["recording_url"])
    if said.get("stream"):
        changes["carrier_streams"] = _with(attempt.carrier_streams, said["stream"])
    if changes:
        CallAttempt.objects.filter(pk=attempt_id).update(**changes)
    if ends_call(attempt, said):
        _end(attempt, at)


def _with(known: list[dict[str, Any]], told: dict[str, Any]) -> list[dict[str, Any]]:
    """The streams with this one told anew."""
    others = [stream for stream in known if stream.get("sid") != told.get("sid")]
    return [*others, told][-MOST_STREAMS:]


def ends_call(attempt: CallAttempt, said: Mapping[str, Any]) -> bool:
    """Whether this is the flow's last word: the campaign says that nothing follows, and its stream is over.

    A Passthru before the stream says nothing about one, so with a bot it never counts.
    """
    if attempt.mode != Mode.FLOW or not attempt.campaign.passthru_ends_call or said.get("before_stream"):
        return False
    stream = said.get("stream")
    return bool(stream["status"] not in ("", "in-progress")) if stream else not attempt.campaign.bot


def _end(attempt: CallAttempt, at: datetime) -> None:
    """Free the slot, and ask Exotel if no callback comes."""
    outcomes.release_slot(attempt.pk, "passthru")
    still_open = CallAttempt.objects.filter(pk=attempt.pk, state__in=(AttemptState.ANSWERED, AttemptState.PLACED))
    still_open.update(check_at=at + outcomes.STREAM_GRACE)
