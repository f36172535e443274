"""Numbers with known fates: `+91 90000 FFnnn`, where FF names the fate. All other numbers draw one by seed."""

import random
from dataclasses import dataclass
from enum import Enum


class Outcome(Enum):
    """How the ringing ends."""

    ANSWERS = "in-progress"
    BUSY = "busy"
    NO_ANSWER = "no-answer"
    FAILED = "failed"


class Answer(Enum):
    """What the client sees of the POST's answer; the call behind it is another question."""

    PLAIN = "plain"
    RESET = "reset"  # the TCP connection is reset after the call was accepted
    UNAVAILABLE = "503"
    EMPTY = "empty"  # 200 without a body
    DRIPPED = "dripped"  # headers at once, the body over 15 s of wall time
    XML = "xml"  # XML although .json was asked
    CLOSED = "closed"  # the connection closes and nothing was accepted
    AFTER_CALLBACK = "after-callback"
    CUT = "cut"  # the connection closes half-way through the body


class Callbacks(Enum):
    """What becomes of the status callbacks."""

    PLAIN = "plain"
    LOST = "lost"
    DOUBLED = "doubled"
    REVERSED = "reversed"  # terminal first, answered after it
    LATE = "late"


class Recording(Enum):
    """What becomes of the recording."""

    PLAIN = "plain"
    NEVER = "never"  # 404, always
    UNNAMED = "unnamed"  # no callback names it, call details do
    LATE = "late"  # ready after ten times the delay
    TRUNCATED = "truncated"  # half of the file
    CUT = "cut"  # the connection closes half-way
    HTML = "html"  # 200 with an error page
    DENIED = "denied"  # 403 the first two times
    EMPTY = "empty"  # 200 without a body


@dataclass(frozen=True)
class Manner:
    """How the person behaves on the line; seconds are carrier seconds after the answer."""

    presses: str = ""
    hangs_up_after: float | None = None
    patience: float | None = 10.0  # hangs up after this much quiet; None: never
    talks_over: bool = False
    greets: bool = False
    longest: float | None = None
    stream_drops_after: float | None = None
    close_code: int | None = None  # how the stream drops; None: without a close frame
    start_never_comes: bool = False


@dataclass(frozen=True)
class Refusal:
    """A refused POST: nothing was dialled. `{number}` in the message is the dialled number."""

    status: int
    message: str
    retry_after: int | None = None
    times: int | None = None  # None: always; 1: the first time only


@dataclass(frozen=True)
class Fate:
    """One row of the table. `meaning` is what docs/simulator.md prints."""

    code: str
    meaning: str
    outcome: Outcome = Outcome.ANSWERS
    manner: Manner = Manner()
    answer: Answer = Answer.PLAIN
    callbacks: Callbacks = Callbacks.PLAIN
    refusal: Refusal | None = None
    recording: Recording = Recording.PLAIN


NDNC = (
    "Call to [{number}] can not be made because of TRAI NDNC regulations. Read more about this here: "
    "http://support.exotel.in/support/solutions/articles/35421-trai-ndnc-regulations"
)
KYC = "KYC is pending for this account. Please complete your KYC to make outbound calls"
PRESS_1 = Manner(presses="1")

_TABLE = (
    Fate("00", "answers and listens to the end without pressing a key"),
    Fate("01", "answers, presses 1 when the bot waits", manner=PRESS_1),
    Fate("02", "answers, presses 2 when the bot waits", manner=Manner(presses="2")),
    Fate("03", "answers, says hello, then listens", manner=Manner(greets=True)),
    Fate("09", "answers, presses 9 when the bot waits", manner=Manner(presses="9")),
    Fate("10", "busy", Outcome.BUSY),
    Fate("11", "rings and is never answered", Outcome.NO_ANSWER),
    Fate("12", "fails", Outcome.FAILED),
    Fate("13", "refused, 403: NDNC", refusal=Refusal(403, NDNC)),
    Fate("14", "refused, 400: not a valid number", refusal=Refusal(400, "Invalid number {number}")),
    Fate("20", "hangs up 2 s after the answer", manner=Manner(hangs_up_after=2.0)),
    Fate("21", "talks over the bot, for at most 30 s", manner=Manner(talks_over=True, longest=30.0)),
    Fate("22", "keeps silent and never hangs up", manner=Manner(patience=None)),
    Fate("30", "presses 1; every callback is lost", manner=PRESS_1, callbacks=Callbacks.LOST),
    Fate("31", "presses 1; every callback comes twice", manner=PRESS_1, callbacks=Callbacks.DOUBLED),
    Fate(
        "32",
        "fails at once; its terminal callback comes before the POST's answer",
        Outcome.FAILED,
        answer=Answer.AFTER_CALLBACK,
    ),
    Fate("33", "presses 1; terminal callback before answered", manner=PRESS_1, callbacks=Callbacks.REVERSED),
    Fate("34", "presses 1; callbacks come 60 s late", manner=PRESS_1, callbacks=Callbacks.LATE),
    Fate("40", "the connection is reset after the call was accepted", manner=PRESS_1, answer=Answer.RESET),
    Fate("41", "503 with a call behind it", manner=PRESS_1, answer=Answer.UNAVAILABLE),
    Fate("42", "503 without a call", refusal=Refusal(503, "Service Unavailable")),
    Fate("43", "200 with an empty body, a call behind it", manner=PRESS_1, answer=Answer.EMPTY),
    Fate(
        "44",
        "the answer drips for 15 s of wall time, a call behind it",
        manner=PRESS_1,
        answer=Answer.DRIPPED,
    ),
    Fate(
        "45",
        "429 with Retry-After: 5 the first time, then answers and presses 1",
        manner=PRESS_1,
        refusal=Refusal(429, "Rate limit exceeded. Try again in 5 seconds.", retry_after=5, times=1),
    ),
    Fate("46", "the connection closes without an answer, no call", refusal=Refusal(0, ""), answer=Answer.CLOSED),
    Fate("47", "XML although .json was asked", manner=PRESS_1, answer=Answer.XML),
    Fate("50", "the stream drops 4 s in, without stop", manner=Manner(stream_drops_after=4.0)),
    Fate("51", "the socket opens, connected and start never come", manner=Manner(start_never_comes=True)),
    Fate(
        "52",
        "the stream is closed with 1011 4 s in, without stop",
        manner=Manner(stream_drops_after=4.0, close_code=1011),
    ),
    Fate(
        "53",
        "the stream is closed with 1012 4 s in, without stop",
        manner=Manner(stream_drops_after=4.0, close_code=1012),
    ),
    Fate("60", "refused, 401", refusal=Refusal(401, "Authentication failed")),
    Fate(
        "61",
        "refused, 402: no credit",
        refusal=Refusal(402, "Insufficient balance in your account to make this call"),
    ),
    Fate("62", "refused, 403: KYC", refusal=Refusal(403, KYC)),
    Fate("63", "refused, 409", refusal=Refusal(409, "Conflict: duplicate request")),
    Fate("64", "refused, 404", refusal=Refusal(404, "The requested resource was not found")),
    Fate(
        "65",
        "refused, 400: too many calls at once, the first time; then answers and presses 1",
        manner=PRESS_1,
        refusal=Refusal(400, "Concurrent call limit reached for this account", times=1),
    ),
    Fate("70", "presses 1; the recording is named and never there", manner=PRESS_1, recording=Recording.NEVER),
    Fate("71", "presses 1; the recording is named in call details only", manner=PRESS_1, recording=Recording.UNNAMED),
    Fate("72", "presses 1; the recording takes ten times as long", manner=PRESS_1, recording=Recording.LATE),
    Fate("73", "presses 1; the recording is half a file", manner=PRESS_1, recording=Recording.TRUNCATED),
    Fate(
        "74",
        "presses 1; the connection closes half-way through the recording",
        manner=PRESS_1,
        recording=Recording.CUT,
    ),
    Fate("75", "presses 1; the recording is an HTML error page with 200", manner=PRESS_1, recording=Recording.HTML),
    Fate(
        "76",
        "presses 1; the recording is refused with 403 the first two times it would be ready",
        manner=PRESS_1,
        recording=Recording.DENIED,
    ),
    Fate("77", "presses 1; the recording is empty", manner=PRESS_1, recording=Recording.EMPTY),
)
TABLE: dict[str, Fate] = {fate.code: fate for fate in _TABLE}

# Shares of the ordinary numbers, in percent.
ORDINARY = {"01": 70, "11": 13, "10": 10, "12": 4, "20": 3}


def fate_of(number: str, seed: int, ordinal: int) -> Fate:
    """The fate of the `ordinal`-th call (from 1) to a 0-national `number`.

    A known number has the same fate each time; an ordinary one draws again for each call, from its digits.
    """
    if number.startswith("090000") and len(number) == 11 and number[6:8] in TABLE:
        return TABLE[number[6:8]]
    chance = random.Random(f"fate:{seed}:{number}:{ordinal}")
    return TABLE[chance.choices(list(ORDINARY), weights=list(ORDINARY.values()))[0]]
