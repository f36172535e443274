"""What the player on a call's page shows: where the recording stands, its waveform as SVG geometry, its markers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby, pairwise

from campaigns.models import CallAttempt, Mode, Recording, RecordingStatus, Stream, StreamEntry
from campaigns.templatetags.dialer import duration

BARS = 260  # of a lane
STEP = 1000 / BARS  # the lane's view box is 1000 wide and 100 high
QUIET, LONG_ENOUGH = 3, 1.5  # per cent of full scale; seconds
LEAST, MOST = 1.4, 47.0  # half the height of a bar: silence stays a line
STEPS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800)  # seconds between two marks of the axis
MARKED = {"barge_in": ("warn", "Spoke over the bot"), "key": ("info", "Key"), "disposition": ("goal", "")}
NAMED_UNTIL = 6  # with more markers than this their names would overlap
NAME_TAKES = 0.13  # of the width: markers nearer than this would write over each other's name


@dataclass(frozen=True)
class Lane:
    """One channel: its name, the kind that colours it, and the path of its bars."""

    name: str
    kind: str  # bot or caller
    path: str


@dataclass(frozen=True)
class Marker:
    """Something that happened `at` seconds into the recording; `x` and `text_x` in per cent of the width."""

    at: float
    state: str
    text: str
    x: str
    text_x: str
    anchor: str


@dataclass(frozen=True)
class Mark:
    """A time on the axis."""

    x: str
    text: str
    anchor: str


@dataclass(frozen=True)
class Player:
    """Everything that templates/recordings/_player.html reads."""

    call_id: int
    recording: Recording | None
    state: str  # a RecordingStatus, or "none": nothing was recorded, or nobody has looked yet
    seconds: float
    lanes: Sequence[Lane]
    markers: Sequence[Marker]
    marks: Sequence[Mark]
    silences: str = ""  # "3.2-5.1 8.0-9.5": where nobody makes a sound, in seconds

    @property
    def named(self) -> bool:
        """Whether the markers' names have room."""
        close = any(after.at - before.at < NAME_TAKES * self.seconds for before, after in pairwise(self.markers))
        return len(self.markers) <= NAMED_UNTIL and not close


def player(call: CallAttempt, streams: Iterable[Stream] = ()) -> Player:
    """The player of a call; `streams` with their entries prefetched. One query."""
    recording = Recording.objects.filter(attempt_id=call.pk).first()
    stored = recording is not None and recording.status == RecordingStatus.STORED
    seconds = (recording.seconds or 0.0) if recording and stored else 0.0
    return Player(
        call_id=call.pk,
        recording=recording,
        state=recording.status if recording else "none",
        seconds=seconds,
        lanes=lanes(call, recording.peaks or []) if recording and stored else [],
        markers=markers(call, streams, seconds),
        marks=marks(seconds),
        silences=" ".join(f"{start:.1f}-{end:.1f}" for start, end in silences(recording.peaks or [], seconds))
        if recording
        else "",
    )


# --------------------------------------------------------------------------------------------------------- waveform
def lanes(call: CallAttempt, peaks: Sequence[Sequence[int]]) -> list[Lane]:
    """The bot above the caller; Exotel puts the person called into the first channel."""
    loudest = max((max(channel, default=0) for channel in peaks), default=0)
    drawn = [bars(channel, loudest) for channel in peaks]
    if len(drawn) == 2:
        other = "Bot" if call.mode == Mode.BOT else "Flow"
        return [Lane(other, "bot", drawn[1]), Lane("Caller", "caller", drawn[0])]
    return [Lane("Call" if len(drawn) == 1 else f"Part {place}", "caller", path) for place, path in enumerate(drawn, 1)]


def bars(peaks: Sequence[int], loudest: int) -> str:
    """A path of upright strokes, the loudest peak of the recording as high as the lane."""
    if not peaks:
        return ""
    edges = [place * len(peaks) // BARS for place in range(BARS + 1)]
    tops = [max(peaks[start : max(end, start + 1)]) for start, end in pairwise(edges)]
    halves = [max(LEAST, MOST * top / max(loudest, 1)) for top in tops]
    return "".join(f"M{(place + 0.5) * STEP:.1f} {50 - half:.1f}V{50 + half:.1f}" for place, half in enumerate(halves))


def silences(peaks: Sequence[Sequence[int]], seconds: float) -> list[tuple[float, float]]:
    """(from, to) in seconds of at least LONG_ENOUGH in which no channel is louder than QUIET per cent."""
    if not peaks or not seconds:
        return []
    loudest = [max(parts) for parts in zip(*peaks, strict=False)]
    each = seconds / max(len(loudest), 1)
    found, place = [], 0
    for quiet, parts in groupby(loudest, key=lambda peak: peak <= QUIET):
        length = len(list(parts))
        if quiet and length * each >= LONG_ENOUGH:
            found.append((place * each, (place + length) * each))
        place += length
    return found


# ------------------------------------------------------------------------------------------------------------- times
def recorded_from(call: CallAttempt, streams: Sequence[Stream]) -> datetime | None:
    """When the recording began: at the answer, which we know best from the first stream."""
    opened = [stream.opened_at for stream in streams]
    return min(opened) if opened else call.answered_at


def markers(call: CallAttempt, streams: Iterable[Stream], seconds: float) -> list[Marker]:
    """What the person did, and the bot's result, where they lie inside the recording."""
    streams = list(streams)
    began = recorded_from(call, streams)
    if began is None or not seconds:
        return []
    found = [
        ((stream.opened_at - began + timedelta(seconds=entry.at)).total_seconds(), *_words(entry))
        for stream in streams
        for entry in stream.entries.all()
        if entry.kind in MARKED
    ]
    return [_marker(at, state, text, seconds) for at, state, text in sorted(found) if 0 <= at <= seconds]


def _words(entry: StreamEntry) -> tuple[str, str]:
    """The colour and the name of a marker."""
    state, words = MARKED[entry.kind]
    if entry.kind == "barge_in":
        return state, words
    return str(entry.data.get("kind", state)), f"{words} {entry.text}".strip()


def _marker(at: float, state: str, text: str, seconds: float) -> Marker:
    x = 100 * at / seconds
    left = x > 75
    return Marker(at, state, text, f"{x:.2f}%", f"{x - 1 if left else x + 1:.2f}%", "end" if left else "start")


def marks(seconds: float) -> list[Mark]:
    """Times on the axis, at most nine, at round distances."""
    if seconds <= 0:
        return []
    step = next((step for step in STEPS if seconds / step <= 8.5), 3600)
    return [_mark(at, seconds) for at in range(0, int(seconds) + 1, step)]


def _mark(at: int, seconds: float) -> Mark:
    anchor = "start" if not at else "end" if at > 0.97 * seconds else "middle"
    return Mark(f"{100 * at / seconds:.2f}%", duration(at), anchor)
