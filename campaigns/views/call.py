"""One call: who says what, what happened, what was said, and every raw event as it came."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_http_methods

from campaigns import audit
from campaigns.audit import Actor
from campaigns.lifecycle import AttemptState, Outcome
from campaigns.models import CallAttempt, CallEvent, EventSource, Stream, StreamEntry

TALK = frozenset({"prompt", "key", "heard", "barge_in", "disposition"})
QUIET = frozenset(
    {"connected", "start", "clear", "speech_start", "speech_end", "closing"}
)  # said better by the line beside them
CUT = {"cut by key": "pressed a key while the bot spoke; it stopped", "cut by speech": "spoke over the bot; it stopped"}
ENTRY_WORDS = {
    "first_audio": ("First bot audio", "info"),
    "rendered": ("Speech made during the call", "warn"),
    "prompt": ("Bot speaks", "info"),
    "barge_in": ("Spoke over the bot", "warn"),
    "prompt_cut": ("The rest was not heard", "none"),
    "mark": ("Played to the end", "none"),
    "key": ("Key", "info"),
    "disposition": ("Result", "goal"),
    "limit": ("Time limit", "warn"),
    "dropped": ("Audio dropped", "warn"),
    "error": ("Error", "bad"),
    "stop": ("Stream stopped", "none"),
}
CLOSED_BY = {
    "bot": "the bot hung up",
    "caller": "the person hung up",
    "network": "the connection broke",
    "limit": "the time limit was reached",
    "error": "the bot failed",
    "server": "Dialer was stopped",
}


@dataclass(frozen=True)
class Line:
    """A line of the timeline; `state` gives the colour."""

    at: datetime
    state: str
    text: str
    sub: str = ""


@dataclass(frozen=True)
class Turn:
    """A turn of the talk: `who` is bot, caller or "" for a note between the turns; `at` seconds into the stream."""

    at: float
    who: str
    text: str


@require_http_methods(["GET", "POST"])
def show(request: HttpRequest, attempt_id: int) -> HttpResponse:
    """The page of a call. A POST shows the number in full, which is audited."""
    call = get_object_or_404(
        CallAttempt.objects.select_related("campaign_contact", "campaign", "account"), pk=attempt_id
    )
    in_full = request.method == "POST"
    if in_full:
        audit.record(Actor.of(request.user), "show number", f"call:{call.pk}")
    streams = list(call.streams.prefetch_related("entries").order_by("opened_at", "pk"))
    events = list(call.events.order_by("received_at", "pk"))
    context = {
        "call": call,
        "in_full": in_full,
        "streams": [(stream, CLOSED_BY.get(stream.closed_by, stream.closed_by)) for stream in streams],
        "timeline": timeline(call, streams, events),
        "turns": talk(streams),
        "events": [(event, as_text(event, "" if in_full else call.phone)) for event in events],
        "others": _others(call),
    }
    return render(request, "calls/show.html", context)


def _others(call: CallAttempt) -> list[CallAttempt]:
    """All calls to this person, newest first, this one among them."""
    same_person = CallAttempt.objects.filter(phone=call.phone, account_kind=call.account_kind)
    return list(same_person.select_related("campaign").order_by("-intent_at", "-pk")[:20])


# --------------------------------------------------------------------------------------------------------- timeline
def timeline(call: CallAttempt, streams: list[Stream], events: list[CallEvent]) -> list[Line]:
    """Everything that is known to have happened, in order, whoever said it."""
    lines = chain(_own_lines(call), *(_stream_lines(stream) for stream in streams), map(_event_line, events))
    return sorted(lines, key=lambda line: line.at)


def _own_lines(call: CallAttempt) -> list[Line]:
    told = [
        (call.intent_at, "none", "Asked Exotel to dial", f"try {call.ordinal}"),
        (call.placed_at, "ringing", "Exotel dials", ""),
        (call.answered_at, "answered", "Picked up", "may be a voicemail"),
        (call.ended_at, call.outcome or "none", *_ending(call)),
        (call.confirmed_at, "ok", "Confirmed by Exotel’s call details", ""),
        (call.slot_released_at, "none", "Slot given back", call.slot_evidence),
    ]
    return [Line(at, state, text, sub) for at, state, text, sub in told if at]


def _ending(call: CallAttempt) -> tuple[str, str]:
    if call.state == AttemptState.REFUSED:
        return "Refused: nobody was dialled", call.reason
    label = Outcome(call.outcome).label if call.outcome in Outcome.values else "Ended"
    return label, call.reason


def _stream_lines(stream: Stream) -> list[Line]:
    lines = [Line(stream.opened_at, "info", "Stream open", "")]
    lines += [_entry_line(stream, entry) for entry in stream.entries.all() if entry.kind not in QUIET]
    if stream.closed_at:
        by = CLOSED_BY.get(stream.closed_by, stream.closed_by)
        code = f"closed with {stream.close_code}" if stream.close_code else ""
        lines.append(Line(stream.closed_at, "none", f"Stream closed: {by}", stream.close_reason or code))
    return lines


def _entry_line(stream: Stream, entry: StreamEntry) -> Line:
    text, state = ENTRY_WORDS.get(entry.kind, (entry.kind.replace("_", " ").capitalize(), "none"))
    if entry.kind == "disposition":
        state = str(entry.data.get("kind", "none"))
    return Line(stream.opened_at + timedelta(seconds=entry.at), state, text, _entry_sub(entry))


def _entry_sub(entry: StreamEntry) -> str:
    if entry.kind == "barge_in":
        return CUT.get(entry.text, entry.text)
    if entry.kind == "prompt_cut":
        return f"{entry.data.get('unheard_seconds', 0)} s"
    if entry.kind == "first_audio":
        return f"{entry.data.get('milliseconds', 0)} ms after the start"
    return entry.text


def _event_line(event: CallEvent) -> Line:
    said = event.said.get("carrier_status") or event.said.get("status") or ""
    copies = f"{event.copies} copies" if event.copies > 1 else ""
    notes = [part for part in (event.note, copies) if part]
    state = "warn" if event.note and event.source != EventSource.POST else "none"
    source = EventSource(event.source).label
    return Line(event.received_at, state, f"{source}: {said}" if said else source, ", ".join(notes))


# ------------------------------------------------------------------------------------------------------------- talk
def talk(streams: list[Stream]) -> list[Turn]:
    """What was said: prompts of the bot, keys and words of the person, notes between."""
    return [_turn(entry) for stream in streams for entry in stream.entries.all() if entry.kind in TALK]


def _turn(entry: StreamEntry) -> Turn:
    if entry.kind == "prompt":
        return Turn(entry.at, "bot", entry.text)
    if entry.kind == "heard":
        return Turn(entry.at, "caller", entry.text)
    if entry.kind == "key":
        return Turn(entry.at, "caller", f"Pressed {entry.text}")
    if entry.kind == "disposition":
        return Turn(entry.at, "", f"result: {entry.text}")
    return Turn(entry.at, "", CUT.get(entry.text, entry.text))


def as_text(event: CallEvent, number: str = "") -> str:
    """An event's fields as they came, for reading; with `number` the person's number in them is masked."""
    fields: dict[str, Any] = event.fields
    text = json.dumps(fields, indent=2, ensure_ascii=False, sort_keys=True) if fields else event.raw
    digits = number.lstrip("+")[-10:]
    return text.replace(digits, f"••{digits[-2:]}") if digits else text
