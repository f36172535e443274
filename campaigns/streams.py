"""The media path's door: a stream's token, its attempt, its timeline and transcript. Each call is one transaction."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from functools import lru_cache
from typing import Literal

from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q

from campaigns import audit, breakers, events, failpoints, matching, outcomes, pacing, tokens
from campaigns.audit import Actor
from campaigns.events import Arrival
from campaigns.exotel.sids import same_sid
from campaigns.lifecycle import OPEN_ATTEMPTS, AttemptState
from campaigns.models import CallAttempt, CampaignAudio, EventSource, Mode, Stream, StreamEntry
from campaigns.refusals import NotAllowed

FORGED, CROSSED, UNMATCHED, USED, OVER, NO_BOT = 4401, 4403, 4404, 4409, 4410, 4412  # close codes of refusals
COME_BACK = timedelta(seconds=10)  # the same call may return within this time of an abnormal drop


class StreamRefused(Exception):
    """This socket carries no call of ours: `code` for the close frame, `reason` for the log."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


@dataclass(frozen=True)
class StreamGrant:
    """What a bot needs to know. `audio` holds the uploaded WAV files by option name, as uploaded."""

    stream_id: int
    attempt_id: int
    bot: str
    bot_options: dict[str, str]
    variables: dict[str, str]
    sample_rate: int
    time_limit: int
    audio: dict[str, bytes] = field(repr=False)
    hang_up_by: str = ""  # who stopped the campaign with its live talks: this one shall not begin


@dataclass(frozen=True)
class StreamStart:
    """The start event in our words; `raw` is the frame's text."""

    stream_sid: str
    call_sid: str
    account_sid: str
    caller: str
    sample_rate: int
    encoding: str
    custom_parameters: dict[str, str]
    raw: str


@dataclass(frozen=True)
class Entry:
    """A line of the timeline; `at` is seconds since the socket opened."""

    stream_id: int
    at: float
    kind: str
    text: str = ""
    data: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class StreamClosing:
    """How a stream ended and what went over it. Times in seconds, sizes in bytes of PCM."""

    code: int
    by: Literal["bot", "caller", "network", "limit", "error", "server"]
    reason: str
    seconds: float
    frames_in: int
    frames_out: int
    bytes_in: int
    bytes_out: int
    dropped: int


def open_stream(token: str) -> StreamGrant:
    """Let a socket in, before it is accepted. Raises StreamRefused."""
    try:
        attempt_id, _, ordinal = tokens.read("stream", token).partition("-")
    except tokens.Forged:
        raise StreamRefused(FORGED, "the token is not ours") from None
    with transaction.atomic():
        attempt = open_attempt(int(attempt_id))
        _single_use(attempt, int(ordinal or 1))
        stream = Stream.objects.create(attempt=attempt, sample_rate=attempt.campaign.sample_rate)
        failpoints.reach("stream.opened")
    return grant(stream, attempt)


def open_attempt(attempt_id: int) -> CallAttempt:
    """The attempt, locked, with its campaign and person. Raises StreamRefused if no bot may talk on its call."""
    rows = CallAttempt.objects.select_for_update(of=("self",)).select_related("campaign", "campaign_contact")
    attempt = rows.filter(pk=attempt_id).first()
    if attempt is None or attempt.state not in OPEN_ATTEMPTS:
        raise StreamRefused(OVER, "the call is over")
    if not attempt.campaign.bot:
        raise StreamRefused(NO_BOT, "the campaign has no bot")
    return attempt


def _single_use(attempt: CallAttempt, ordinal: int) -> None:
    """A token opens one stream, the call's first or, in a flow, its nth; it may come back after an abnormal drop."""
    if attempt.streams.count() < ordinal:
        return
    last = attempt.streams.order_by("-pk").first()
    if last is None:
        return
    dropped = last.closed_by == "network" and last.closed_at is not None
    if not dropped or (last.closed_at and pacing.db_now() - last.closed_at > COME_BACK):
        raise StreamRefused(USED, "this token has opened a stream before")


def grant(stream: Stream, attempt: CallAttempt) -> StreamGrant:
    """What the bot gets for a stream that was let in."""
    campaign, contact = attempt.campaign, attempt.campaign_contact
    return StreamGrant(
        stream_id=stream.pk,
        attempt_id=attempt.pk,
        bot=campaign.bot,
        bot_options={name: str(value) for name, value in campaign.bot_options.items()},
        variables=variables(contact.name, contact.variables),
        sample_rate=campaign.sample_rate,
        time_limit=attempt.time_limit,
        audio={option: _recording(pk) for option, pk in campaign.audio.values_list("option", "pk")},
        hang_up_by=campaign.hang_up_by if attempt.mode == Mode.BOT else "",
    )


@lru_cache(maxsize=4)
def _recording(pk: int) -> bytes:
    """An uploaded WAV, which may have 30 MB, once for all talks of the process; a changed one is a row of its own."""
    return bytes(CampaignAudio.objects.values_list("content", flat=True).get(pk=pk))


def variables(name: str, columns: dict[str, object]) -> dict[str, str]:
    """What a message may be made from: the contact's columns, and `name`."""
    return {"name": name} | {column: str(value) for column, value in columns.items()}


def start_stream(stream_id: int, start: StreamStart) -> None:
    """The stream's start event: the person has answered. Raises StreamRefused when it names another call of ours.

    The token has said whose call it is: a CallSid that is of no call of ours is noted, and the person is talked to.
    """
    with transaction.atomic():
        stream = Stream.objects.select_related("attempt").get(pk=stream_id)
        attempt = CallAttempt.objects.select_for_update().get(pk=stream.attempt_id)
        if _is_another(attempt, start.call_sid):
            raise StreamRefused(CROSSED, "the start event names another call")
        if matching.named(texts(start)) not in (None, attempt.pk):
            raise StreamRefused(CROSSED, "the start event bears another call's CustomField")
        Stream.objects.filter(pk=stream_id).update(
            stream_sid=start.stream_sid[:64],
            call_sid=start.call_sid[:64],
            started_at=pacing.db_now(),
            sample_rate=start.sample_rate,
            encoding=start.encoding[:30],
            custom_parameters=start.custom_parameters,
        )
        breakers.stream_started(attempt)
    events.say(
        Arrival(
            source=EventSource.STREAM,
            digest=events.digest_of({"stream": stream_id, "event": "start"}),
            attempt_id=attempt.pk,
            call_sid=start.call_sid,
            said={"status": "in-progress", "answered": True},
            fields=asdict(start) | {"raw": ""},
            raw=start.raw,
        )
    )


def texts(start: StreamStart) -> list[str]:
    """Where the signed id may stand: Exotel delivers a CustomField as a parameter's value, or as a key alone."""
    return [*start.custom_parameters.values(), *start.custom_parameters]


def _is_another(attempt: CallAttempt, call_sid: str) -> bool:
    if not call_sid or same_sid(attempt.sid, call_sid):
        return False
    return matching.is_anothers(attempt.account_id, attempt.pk, call_sid)


def note(entries: Sequence[Entry]) -> None:
    """Store lines of many streams together."""
    StreamEntry.objects.bulk_create(
        [
            StreamEntry(stream_id=entry.stream_id, at=entry.at, kind=entry.kind[:20], text=entry.text, data=entry.data)
            for entry in entries
        ]
    )


def ask_to_hang_up(attempt_id: int, *, by: Actor) -> None:
    """Have the process that carries the call's stream close it, within about a second. Raises NotAllowed.

    Only in bot mode, where the end of the stream ends the call: Exotel has no request that ends one.
    """
    with transaction.atomic():
        open_streams = Stream.objects.filter(attempt=attempt_id, closed_at=None, attempt__mode=Mode.BOT)
        if not open_streams.update(hang_up_by=by.name):
            raise NotAllowed("No bot talks on this call now, so Dialer cannot end it.")
        audit.record(by, "hang up", f"call:{attempt_id}")


def hang_ups(stream_ids: Sequence[int]) -> dict[int, str]:
    """Which of these streams somebody wants closed, by themselves or with their whole campaign, and who."""
    rows = Stream.objects.filter(pk__in=stream_ids)
    asked = dict(rows.exclude(hang_up_by="").values_list("pk", "hang_up_by"))
    together = rows.filter(attempt__mode=Mode.BOT).exclude(attempt__campaign__hang_up_by="")
    return dict(together.values_list("pk", "attempt__campaign__hang_up_by")) | asked


@dataclass(frozen=True)
class OpenCalls:
    """Calls of a campaign that are not over: `talks` have a stream of ours open, `ringing` have none (yet)."""

    talks: int
    ringing: int


def open_calls(campaign_id: int) -> OpenCalls:
    """How many could be hung up now, and how many only once their talk begins."""
    rows = CallAttempt.objects.filter(campaign=campaign_id, state__in=OPEN_ATTEMPTS).exclude(state=AttemptState.UNKNOWN)
    has_stream = Exists(Stream.objects.filter(attempt=OuterRef("pk"), closed_at=None))
    counted = rows.aggregate(n=Count("pk"), talks=Count("pk", filter=Q(has_stream)))
    return OpenCalls(talks=counted["talks"], ringing=counted["n"] - counted["talks"])


def close_stream(stream_id: int, closing: StreamClosing) -> None:
    """The socket is gone. In bot mode that ends the call, so its slot is free.

    One that was another call's says nothing of our call's end; but a person was on it, and nobody talked to them.
    """
    with transaction.atomic():
        now = pacing.db_now()
        closed = Stream.objects.filter(pk=stream_id, closed_at=None).update(
            closed_at=now,
            close_code=closing.code,
            closed_by=closing.by,
            close_reason=closing.reason[:200],
            seconds=closing.seconds,
            frames_in=closing.frames_in,
            frames_out=closing.frames_out,
            bytes_in=closing.bytes_in,
            bytes_out=closing.bytes_out,
            dropped=closing.dropped,
        )
        if closed:
            attempt = CallAttempt.objects.get(streams=stream_id)
            if attempt.mode == Mode.BOT:
                if closing.code != CROSSED:
                    outcomes.stream_ended(attempt, now)
                breakers.stream_ended(attempt, Stream.objects.get(pk=stream_id), now)
        failpoints.reach("stream.closed")
