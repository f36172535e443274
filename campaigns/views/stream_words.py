"""A stream in words: who ended it, what its close code means, how long the person waited for the bot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from campaigns import streams as doors
from campaigns.models import Stream, StreamEntry

CUT = {"cut by key": "pressed a key while the bot spoke; it stopped", "cut by speech": "spoke over the bot; it stopped"}
CLOSED_BY = {
    "bot": "the bot hung up",
    "caller": "the person hung up",
    "network": "the connection broke",
    "limit": "the time limit was reached",
    "error": "the bot failed",
    "server": "Dialer hung up",
}
# Exotel's table "WSS error codes" in its AgentStream guide, and our own refusals.
CLOSE_CODES: Mapping[int, str] = {
    1000: "ended as it should",
    1001: "the far side went away, as in a restart",
    1002: "a frame broke the protocol",
    1003: "a frame held something that is no stream event",
    1006: "broken off without a goodbye: network, TLS, or a process that died",
    1007: "a frame could not be read",
    1008: "a frame broke a rule of the far side",
    1009: "a frame was too large",
    1011: "a fault on the side that closed",
    1012: "the far side restarts; passing trouble",
    1013: "the far side is too busy; passing trouble",
    doors.FORGED: "its token was not ours",
    doors.CROSSED: "it named another call",
    doors.USED: "its token was used before",
    doors.OVER: "its call was over",
    doors.UNMATCHED: "its start named no call of ours",
    doors.NO_BOT: "its campaign has no bot",
}
PRIVATE = 3000  # what an application may not send itself goes out as its private twin: 1011 as 4011
STARTERS = ("key", "speech_start", "heard")  # what a person does that stops the bot


@dataclass(frozen=True)
class StreamFacts:
    """What is said of one stream. Gaps in milliseconds; None where nothing was measured."""

    stream: Stream
    closed_by: str
    code: str
    first_audio: int | None
    barge_ins: int
    slowest_stop: int | None
    parameters: list[tuple[str, str]]


def close_words(code: int | None) -> str:
    """1000: ended as it should; '' without a code."""
    if not code:
        return ""
    words = CLOSE_CODES.get(code) or CLOSE_CODES.get(code - PRIVATE) or "a code without a meaning of its own"
    return f"{code}: {words}"


def facts(stream: Stream) -> StreamFacts:
    """Of a stream whose entries are prefetched."""
    entries = list(stream.entries.all())
    stops = barge_in_gaps(entries)
    return StreamFacts(
        stream=stream,
        closed_by=CLOSED_BY.get(stream.closed_by, stream.closed_by),
        code=close_words(stream.close_code),
        first_audio=_first_audio(entries),
        barge_ins=sum(entry.kind == "barge_in" for entry in entries),
        slowest_stop=max(stops, default=None),
        parameters=[(str(name), str(value)) for name, value in stream.custom_parameters.items()],
    )


def barge_in_gaps(entries: Sequence[StreamEntry]) -> list[int]:
    """For each time that somebody spoke over the bot: milliseconds from their key or voice to its silence."""
    gaps: list[int] = []
    began: float | None = None
    for entry in entries:
        if entry.kind in STARTERS:
            began = entry.at
        elif entry.kind == "barge_in" and began is not None:
            gaps.append(round(1000 * max(0.0, entry.at - began)))
            began = None
    return gaps


def _first_audio(entries: Sequence[StreamEntry]) -> int | None:
    found = next((entry for entry in entries if entry.kind == "first_audio"), None)
    return int(found.data.get("milliseconds", 0)) if found else None
