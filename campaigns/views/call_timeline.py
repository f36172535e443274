"""What happened in a call and what was said in it, in order, whoever says so."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain

from campaigns.lifecycle import AttemptState, Outcome
from campaigns.models import CallAttempt, CallEvent, EventSource, Stream, StreamEntry
from campaigns.templatetags.dialer import duration, span
from campaigns.views.player import recorded_from
from campaigns.views.stream_words import CLOSED_BY, CUT, close_words

TALK = frozenset({"prompt", "key", "heard", "barge_in", "disposition"})
QUIET = frozenset(
    {"connected", "start", "clear", "speech_start", "speech_end", "closing", "prompt", "heard"}
)  # said better by the line beside them, or by the conversation
ENTRY_WORDS = {
    "first_audio": ("First bot audio", "info"),
    "rendered": ("Speech made during the call", "warn"),
    "barge_in": ("Spoke over the bot", "warn"),
    "prompt_cut": ("The rest was not heard", "none"),
    "mark": ("Played to the end", "none"),
    "key": ("Key", "info"),
    "disposition": ("Result", "goal"),
    "limit": ("Time limit", "warn"),
    "dropped": ("Audio dropped", "warn"),
    "error": ("Error", "bad"),
    "stop": ("Stream stopped", "none"),
    "speech": ("Speech", "info"),
    "level": ("Level", "none"),
}


@dataclass(frozen=True)
class Line:
    """A line of the timeline; `state` gives the colour."""

    at: datetime
    state: str
    text: str
    sub: str = ""
    seek: str = ""  # where it lies in the recording: 0:31
    mark: str = ""  # when, as people count: −0:11 before the talk, 0:31 in it, +0:41 after the call


@dataclass(frozen=True)
class Turn:
    """A turn of the talk: `who` is bot, caller or "" for a note between the turns; `at` seconds into the stream."""

    at: float
    who: str
    text: str
    seek: str = ""


# --------------------------------------------------------------------------------------------------------- timeline
def timeline(call: CallAttempt, streams: list[Stream], events: Sequence[CallEvent], recorded: float = 0) -> list[Line]:
    """Everything that is known to have happened, in order, whoever said it. `recorded`: seconds of the recording."""
    lines = chain(_own_lines(call), *(_stream_lines(stream) for stream in streams), map(_event_line, events))
    began = recorded_from(call, streams)
    told = sorted(lines, key=lambda line: line.at)
    return [replace(_seekable(line, began, recorded), mark=_mark(line.at, call, began)) for line in told]


def _mark(at: datetime, call: CallAttempt, began: datetime | None) -> str:
    """Counted from the answer, after the end from the end; without an answer from the intent."""
    if call.ended_at and at > call.ended_at:
        return f"+{duration((at - call.ended_at).total_seconds())}"
    seconds = (at - (began or call.intent_at)).total_seconds()
    return f"−{duration(-seconds)}" if seconds <= -0.5 else duration(max(0.0, seconds))


def _seekable(line: Line, began: datetime | None, recorded: float) -> Line:
    """With its place in the recording, where it has one."""
    at = (line.at - began).total_seconds() if began else -1
    return replace(line, seek=duration(int(at))) if recorded and 0 <= at <= recorded else line


def _own_lines(call: CallAttempt) -> list[Line]:
    told = [
        (call.intent_at, "none", "Asked Exotel to dial", _answered_in(call)),
        (call.placed_at, "ringing", "Ringing", _rang(call)),
        (call.answered_at, "answered", "Picked up", "may be a voicemail"),
        (call.ended_at, call.outcome or "none", *_ending(call)),
        (call.confirmed_at, "ok", "Confirmed by Exotel’s call details", ""),
        (call.slot_released_at, "none", "Slot given back", call.slot_evidence),
    ]
    return [Line(at, state, text, sub) for at, state, text, sub in told if at]


def _answered_in(call: CallAttempt) -> str:
    took = f"answered in {(call.placed_at - call.intent_at).total_seconds():.1f} s" if call.placed_at else ""
    return ", ".join(filter(None, (f"try {call.ordinal}", took)))


def _rang(call: CallAttempt) -> str:
    until = call.answered_at or call.ended_at
    return span((until - call.placed_at).total_seconds()) if until and call.placed_at else ""


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
        why = ", ".join(filter(None, (close_words(stream.close_code), stream.close_reason)))
        lines.append(Line(stream.closed_at, "none", f"Stream closed: {by}", why))
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
    if entry.kind in ("speech", "level"):
        return f"{entry.data.get('seconds', 0)} s, at most {entry.data.get('dbfs', 0)} dBFS"
    return entry.text


def _event_line(event: CallEvent) -> Line:
    said = event.said.get("carrier_status") or event.said.get("status") or ""
    copies = f"{event.copies} copies" if event.copies > 1 else ""
    notes = [part for part in (event.note, copies) if part]
    state = "warn" if event.note and event.source != EventSource.POST else "none"
    source = EventSource(event.source).label
    return Line(event.received_at, state, f"{source}: {said}" if said else source, ", ".join(notes))


# ------------------------------------------------------------------------------------------------------------- talk
def talk(call: CallAttempt, streams: list[Stream], recorded: float = 0) -> list[Turn]:
    """What was said: prompts of the bot, keys and words of the person, notes between."""
    began = recorded_from(call, streams)
    return [
        replace(_turn(entry), seek=_seek(stream, entry, began, recorded))
        for stream in streams
        for entry in stream.entries.all()
        if entry.kind in TALK
    ]


def _seek(stream: Stream, entry: StreamEntry, began: datetime | None, recorded: float) -> str:
    at = (stream.opened_at - began).total_seconds() + entry.at if began else -1
    return duration(int(at)) if recorded and 0 <= at <= recorded else ""


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
