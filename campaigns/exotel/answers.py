"""What a dial POST came to: placed, refused, not sent, or unknown. Nothing here dials again.

Exotel has no idempotency key. Once the first byte has left, only a Sid or a clear refusal says anything; all the rest
is Unknown, because a call may be ringing behind it (exotel-wire 1).
"""

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum

from campaigns.exotel.allowances import RateAllowance, rate_allowance
from campaigns.exotel.bodies import DEPTH, Object, pick, pick_text, read_body
from campaigns.exotel.capacity import too_many_calls
from campaigns.exotel.errors import Unreadable

RAW_LENGTH = 4_000  # characters of an answer that are kept
PAGE_LENGTH = 200  # characters of a page that stand for a message
LONGEST_WAIT = 600.0  # seconds: a longer Retry-After is cut to this
_SID = re.compile(r"[0-9A-Za-z_.-]{1,64}")
_DND_WORDS = re.compile(r"\b(NDNC|DND|NCPR)\b", re.IGNORECASE)
_REGULATOR = re.compile(r"\bTRAI\b", re.IGNORECASE)
_ACCOUNT_WORDS = re.compile(r"\b(KYC|account|suspended|verif\w+|register\w*|IP)\b", re.IGNORECASE)


class RefusalKind(StrEnum):
    """Why Exotel said no; nothing was dialled."""

    INVALID_REQUEST = "invalid-request"  # 400 and other 4xx: a number or a field is wrong
    UNAUTHORISED = "unauthorised"  # 401: key, token or region
    PAYMENT = "payment"  # 402: out of credit
    NDNC = "ndnc"  # 403 that names NDNC, DND or TRAI: this person must not be called
    FORBIDDEN = "forbidden"  # any other 403: KYC, suspended, outbound off, address not allowed
    NOT_FOUND = "not-found"  # 404: account, path or region
    RATE_LIMITED = "rate-limited"  # 429: the account is too fast
    NO_ROOM = "no-room"  # too many calls at once, in words only: see campaigns.exotel.capacity


@dataclass(frozen=True, slots=True)
class Accepted:
    """Exotel took the call and gave it a Sid. It is dialling; nobody has answered yet."""

    sid: str
    http_status: int
    raw: str = field(repr=False)
    latency: float  # seconds from the first byte out to the last byte in
    rate: RateAllowance | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """Exotel said no; `message` is in its own words."""

    http_status: int
    message: str = field(repr=False)  # may name the person's number
    code: str
    retry_after: float | None  # seconds, 1..600
    kind: RefusalKind
    raw: str = field(default="", repr=False)
    latency: float = 0.0
    rate: RateAllowance | None = None


@dataclass(frozen=True, slots=True)
class NotSent:
    """Not one byte of the request left this machine. `ours`: because this program was late or full; that says nothing
    about whether Exotel can be reached."""

    reason: str
    ours: bool = False


@dataclass(frozen=True, slots=True)
class Unknown:
    """The request, or a part of it, left; whether a phone rings cannot be said."""

    reason: str
    http_status: int | None = None
    raw: str = field(default="", repr=False)
    rate: RateAllowance | None = None


ConnectAnswer = Accepted | Refused | NotSent | Unknown

_KINDS = {
    401: RefusalKind.UNAUTHORISED,
    402: RefusalKind.PAYMENT,
    404: RefusalKind.NOT_FOUND,
    429: RefusalKind.RATE_LIMITED,
}
_SAYS_NOTHING = frozenset({408, 409})  # timeout, conflict: a call may exist behind either


def read_answer(http_status: int, headers: Mapping[str, str], body: bytes, latency: float) -> ConnectAnswer:
    """Judge a whole answer to a dial POST; `headers` is looked up in lower case."""
    raw, rate = excerpt(body), rate_allowance(headers)
    if 200 <= http_status < 300:
        return _read_success(http_status, body, latency, rate)
    message, code = read_refusal(body)
    no_room = too_many_calls(http_status, message or raw, explicit=_exception(body) is not None)
    if not no_room and (not 400 <= http_status < 500 or http_status in _SAYS_NOTHING):
        return Unknown(f"Exotel answered {http_status}", http_status, raw, rate)
    kind = RefusalKind.NO_ROOM if no_room else _kind(http_status, message or raw)
    wait = retry_after(headers.get("retry-after"), datetime.now(UTC))
    return Refused(http_status, message, code, wait, kind, raw, latency, rate)


def _read_success(http_status: int, body: bytes, latency: float, rate: RateAllowance | None) -> Accepted | Unknown:
    try:
        sid = pick_text(_call(read_body(body)), "Sid")
    except Unreadable as error:
        return Unknown(f"Exotel answered {http_status}, but {error}", http_status, excerpt(body), rate)
    if not _SID.fullmatch(sid):
        return Unknown(f"Exotel answered {http_status} without a Sid", http_status, excerpt(body), rate)
    return Accepted(sid, http_status, excerpt(body), latency, rate)


def _call(found: Object) -> Object:
    """The call in the answer; the answer itself where nothing is wrapped around the call."""
    inner = pick(found, "Call")
    if inner is None:
        return found if pick_text(found, "Status") else {}
    if isinstance(inner, list) and len(inner) == 1:  # of two nobody can say which one rings our person
        inner = inner[0]
    return inner if isinstance(inner, Mapping) else {}


def _kind(http_status: int, message: str) -> RefusalKind:
    if http_status == 403:
        return RefusalKind.NDNC if _is_about_the_person(message) else RefusalKind.FORBIDDEN
    return _KINDS.get(http_status, RefusalKind.INVALID_REQUEST)


def _is_about_the_person(message: str) -> bool:
    """Whether a 403 is about this number. An account that the regulator's rules keep from calling (KYC) is not: taken
    for do-not-call numbers, its whole list would be skipped."""
    if _DND_WORDS.search(message):
        return True
    return bool(_REGULATOR.search(message)) and not _ACCOUNT_WORDS.search(message)


def read_refusal(body: bytes) -> tuple[str, str]:
    """(message, code) of a RestException; of anything else its message or its text, so that an operator can read why.

    What stands before Exotel (a proxy, a firewall) answers with a page, the newer APIs with other objects.
    """
    try:
        found = read_body(body)
    except Unreadable:
        return _text_of(body), ""
    if (inner := _exception(body)) is not None:
        return _storable(pick_text(inner, "Message"))[:RAW_LENGTH], _storable(pick_text(inner, "Code"))[:100]
    return _storable(_message_in(found, DEPTH))[:RAW_LENGTH] or _text_of(body), ""


def _exception(body: bytes) -> Object | None:
    """Exotel's own refusal, if the body is one."""
    try:
        inner = pick(read_body(body), "RestException")
    except Unreadable:
        return None
    return inner if isinstance(inner, Mapping) else None


def _message_in(found: Object, depth: int) -> str:
    """The first message, description or error of an object, the outer ones first."""
    for name in ("message", "description", "error", "detail"):
        if said := pick_text(found, name):
            return said
    inside = (_message_in(value, depth - 1) for value in found.values() if isinstance(value, Mapping) and depth)
    return next((said for said in inside if said), "")


def _text_of(body: bytes) -> str:
    """What a page says, without its markup."""
    page = re.sub(r"(?is)<(script|style|title)\b.*?</\1\s*>|<[^>]*>", " ", excerpt(body))
    return " ".join(html.unescape(page).split())[:PAGE_LENGTH]


def _storable(text: str) -> str:
    """Text that any database takes: JSON may hold a NUL or half a surrogate pair."""
    return text.encode("utf-8", "replace").decode().replace("\x00", "\ufffd")


def retry_after(value: str | None, now: datetime) -> float | None:
    """Retry-After as seconds, cut to 1..600; None when absent, negative or unreadable. Takes seconds or a date."""
    text = (value or "").strip()
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        return _bounded(float(text[:12]))
    try:
        until = parsedate_to_datetime(text)
        aware = until if until.tzinfo else until.replace(tzinfo=UTC)
        return _bounded((aware - now).total_seconds())
    except (ValueError, OverflowError):
        return None


def _bounded(seconds: float) -> float:
    return min(max(seconds, 1.0), LONGEST_WAIT)


def excerpt(body: bytes) -> str:
    """The beginning of a body as text that any database takes."""
    return body[: RAW_LENGTH * 2].decode("utf-8", "replace").replace("\x00", "\ufffd")[:RAW_LENGTH]
