"""The REST face without its sockets: a request in, a reply out, the clock handed in."""

import base64
import binascii
import email.parser
import email.policy
import math
import re
import secrets
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from json import loads as parse_json
from urllib.parse import parse_qsl

from dialer.simulator import recordings
from dialer.simulator.callbacks import events_of
from dialer.simulator.calls import Call
from dialer.simulator.documents import (
    Fields,
    as_json,
    as_xml,
    call_fields,
    exception_fields,
    list_fields,
    lowercase_fields,
    recording_address,
)
from dialer.simulator.exchange import Exchange, Placed, Refused
from dialer.simulator.fates import Answer, Recording
from dialer.simulator.ledger import Entry
from dialer.simulator.orders import Invalid, read_order
from dialer.simulator.records import page_of

XML, JSON = "application/xml", "application/json"
RATE_CODE = "RATE_LIMIT_EXCEEDED"
HEALTH = "/_simulator/health"
VARIABLES = "/_simulator/flow-vars"
PATHS = (
    r"/v1/Accounts/(?P<account>[^/]+)/"
    r"(?P<what>Calls/connect|Calls(?:\.json)?/(?P<sid>[0-9A-Za-z]{26,32})|Calls|ActiveStreams)(?:\.json)?/?"
)
LOWERCASE_PATHS = (
    PATHS.replace("Accounts", "accounts").replace("Calls", "calls").replace("ActiveStreams", "activestreams")
)


@dataclass(frozen=True)
class Request:
    """One HTTP request, read whole. Header names are lower case; `path` is decoded."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True)
class Reply:
    """What to send, after `delay` wall seconds; `answer` may spoil it, `wait_for` is a call to be told of first."""

    status: int
    body: bytes = b""
    content_type: str = XML
    headers: tuple[tuple[str, str], ...] = ()
    delay: float = 0.0
    answer: Answer = Answer.PLAIN
    wait_for: Call | None = None


@dataclass(frozen=True)
class _Asked:
    """A request on its way through the face."""

    request: Request
    now: float
    json: bool
    lowercase: bool


class Face:
    """Exotel's v1 REST API over one exchange."""

    def __init__(self, exchange: Exchange, write: Callable[[Entry], None]) -> None:
        self._exchange, self._options, self._write = exchange, exchange.options, write
        self._fetched: Counter[str] = Counter()

    def handle(self, request: Request, now: float) -> Reply:
        """The reply to any request; each is written into the ledger but for health checks."""
        if request.path == HEALTH:
            return self._health()
        reply = self._route(request, now)
        entry: Entry = {"event": "request", "at": now, "method": request.method, "path": request.path}
        self._write(entry | {"status": reply.status, "answer": reply.answer.value})
        return reply

    def _health(self) -> Reply:
        exchange = self._exchange
        counts = {"calls": len(exchange.calls), "open": exchange.open_calls, "streams": exchange.active_streams}
        return Reply(200, as_json(counts), JSON)

    def _route(self, request: Request, now: float) -> Reply:
        lowercase = self._options.dialect == "seed" and "/v1/accounts/" in request.path
        json = request.path.endswith(".json") or "/Calls.json/" in request.path or lowercase
        asked = _Asked(request, now, json, lowercase)
        recording = re.fullmatch(r"/recordings/([^/]+)/([0-9A-Za-z]{26,32})\.wav", request.path)
        if recording and "signature" in _query(request):
            return self._signed(asked, recording)
        if not self._authentic(request.headers.get("authorization", "")):
            return _exception(asked, 401, "Authentication failed")
        if request.path == VARIABLES:
            return self._variables(asked)
        return self._recording(asked, recording) if recording else self._api(asked)

    def _api(self, asked: _Asked) -> Reply:
        match = re.fullmatch(LOWERCASE_PATHS if asked.lowercase else PATHS, asked.request.path)
        if not match or match.group("account") != self._options.account_sid:
            return _exception(asked, 404, "The requested resource was not found")
        wait = self._exchange.admit(asked.now)
        if wait is not None:
            self._note_refusal(asked, 429, "rate limit")
            return _too_many(asked, wait)
        try:
            return self._answer(asked, match)
        except Invalid as error:
            self._note_refusal(asked, 400, str(error))
            return _exception(asked, 400, str(error))

    def _answer(self, asked: _Asked, match: re.Match[str]) -> Reply:
        what, method = match.group("what").lower(), asked.request.method
        if what == "calls/connect":
            return self._connect(asked) if method == "POST" else _exception(asked, 405, "Method not allowed")
        if method != "GET":
            return _exception(asked, 405, "Method not allowed")
        if what == "activestreams":
            return self._active_streams(asked)
        return self._list(asked) if what == "calls" else self._details(asked, match.group("sid"))

    def _authentic(self, header: str) -> bool:
        scheme, _, encoded = header.partition(" ")
        try:
            given = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            return False
        expected = f"{self._options.api_key}:{self._options.api_token}".encode()
        return scheme.lower() == "basic" and secrets.compare_digest(given, expected)

    # Calls/connect

    def _connect(self, asked: _Asked) -> Reply:
        order = read_order(_form(asked.request), self._options, lowercase=asked.lowercase)
        taken = self._exchange.connect(order, asked.now)
        if isinstance(taken, Refused):
            return _refusal(asked, taken)
        return self._placed(asked, taken)

    def _placed(self, asked: _Asked, placed: Placed) -> Reply:
        call, answer = placed.call, placed.answer
        if answer is Answer.UNAVAILABLE:
            return _exception(asked, 503, "Service Unavailable", delay=placed.delay, answer=answer)
        if answer is Answer.EMPTY:
            return Reply(200, b"", "text/html", delay=placed.delay, answer=answer)
        if asked.lowercase:
            fields: Fields = {"call": lowercase_fields(call, self._options)}
        else:
            fields = {"Call": call_fields(call, self._options, xml=not asked.json)}
        xml = not asked.json or answer is Answer.XML
        waits = answer is Answer.AFTER_CALLBACK and "terminal" in events_of(call, self._options)
        body, content_type = (as_xml(fields), XML) if xml else (as_json(fields), JSON)
        return Reply(
            200,
            body,
            content_type,
            delay=placed.delay,
            answer=answer,
            wait_for=call if waits else None,
        )

    def _note_refusal(self, asked: _Asked, status: int, message: str) -> None:
        if asked.request.method == "POST":
            values = {name.lower(): value for name, value in _readable(asked.request)}
            number, mark = values.get("from"), values.get("customfield")
            self._exchange.refused(asked.now, status, message, number, mark)

    # Reading

    def _details(self, asked: _Asked, sid: str) -> Reply:
        call = self._exchange.calls.get(sid)
        if call is None or (call.open and self._options.hide_ongoing):
            return _exception(asked, 404, "The requested resource was not found")
        if asked.lowercase:
            return _document(asked, {"call": lowercase_fields(call, self._options)})
        details = _query(asked.request).get("details") == "true"
        fields = call_fields(call, self._options, details=details, xml=not asked.json)
        return _document(asked, {"Call": fields | self._presigned(asked, call)})

    def _list(self, asked: _Asked) -> Reply:
        calls = [call for call in self._exchange.calls.values() if not (call.open and self._options.hide_ongoing)]
        page, metadata = page_of(calls, _query(asked.request), asked.request.path)
        if asked.lowercase:
            listed = [lowercase_fields(call, self._options) for call in page]
            return _document(asked, {"metadata": {name.lower(): metadata[name] for name in metadata}, "calls": listed})
        fields = list_fields(page, self._options, metadata)
        for call, listed_call in zip(page, fields["Calls"], strict=True):
            listed_call.update(self._presigned(asked, call))
        if asked.json:
            return Reply(200, as_json(fields), JSON)
        return Reply(200, as_xml({"Metadata": metadata, "Calls": {"Call": fields["Calls"]}}))

    def _active_streams(self, asked: _Asked) -> Reply:
        active, most = self._exchange.active_streams, self._options.streams
        if not asked.json:
            return Reply(200, as_xml({"Stream": {"ActiveStreamCount": active, "ThrottleLimit": most}}))
        fields = {"status": "success", "active_streams": active, "max_allowed_streams": most}
        return Reply(200, as_json(fields | {"account_sid": self._options.account_sid}), JSON)

    # Recordings

    def _presigned(self, asked: _Asked, call: Call) -> Fields:
        """The address that opens without a key for some minutes, if the account has that. Raises Invalid."""
        text = _query(asked.request).get("RecordingUrlValidity", str(recordings.VALIDITY[0]))
        least, most = recordings.VALIDITY
        if not re.fullmatch(r"[0-9]{1,3}", text) or not least <= int(text) <= most:
            raise Invalid(f"Invalid RecordingUrlValidity: it must be between {least} and {most} minutes")
        if not self._options.presigned or not call.recorded:
            return {}
        expires = int(asked.now) + 60 * int(text)
        url = recording_address(call.sid, self._options)
        signature = recordings.signature(url, expires, self._options.api_token)
        return {"PreSignedRecordingUrl": f"{url}?expires={expires}&signature={signature}"}

    def _signed(self, asked: _Asked, recording: re.Match[str]) -> Reply:
        query = _query(asked.request)
        url, expires = recording_address(recording.group(2), self._options), query.get("expires", "")
        if not re.fullmatch(r"[0-9]{1,12}", expires) or int(expires) < asked.now:
            return Reply(403, recordings.HTML, "text/html")
        expected = recordings.signature(url, int(expires), self._options.api_token)
        if not secrets.compare_digest(query["signature"].encode(), expected.encode()):
            return Reply(403, recordings.HTML, "text/html")
        return self._recording(asked, recording)

    def _recording(self, asked: _Asked, recording: re.Match[str]) -> Reply:
        found = self._recorded(recording.group(2)) if recording.group(1) == self._options.account_sid else None
        if found is None or asked.now < recordings.ready_at(found[0], found[1], self._options):
            return _exception(asked, 404, "The requested resource was not found")
        call, _, seconds = found
        self._fetched[recording.group(2)] += 1
        body = recordings.wav(seconds, dual=call.order.recording_channels == "dual")
        return self._spoiled(call.fate.recording, body, self._fetched[recording.group(2)])

    def _recorded(self, name: str) -> tuple[Call, float, int] | None:
        """The call of a recording, when what is recorded ended, and its carrier seconds; None if there is none."""
        call, stream = self._exchange.calls.get(name), self._exchange.streams.known.get(name)
        if call and call.recorded and call.ended_at is not None:
            return call, call.ended_at, call.conversation
        if stream and stream.record and stream.opened_at is not None and stream.closed_at is not None:
            seconds = round((stream.closed_at - stream.opened_at) * self._options.speed)
            return self._exchange.calls[stream.call_sid], stream.closed_at, seconds
        return None

    def _spoiled(self, fate: Recording, body: bytes, times: int) -> Reply:
        """The recording as the number is fated to have it fetched for the `times`-th time."""
        if fate is Recording.HTML:
            return Reply(200, recordings.HTML, "text/html")
        if fate is Recording.DENIED and times <= 2:
            return Reply(403, recordings.HTML, "text/html")
        if fate is Recording.EMPTY:
            return Reply(200, b"", "audio/wav")
        if fate is Recording.TRUNCATED:
            return Reply(200, body[: len(body) // 2], "audio/wav")
        return Reply(200, body, "audio/wav", answer=Answer.CUT if fate is Recording.CUT else Answer.PLAIN)

    # Flow variables

    def _variables(self, asked: _Asked) -> Reply:
        """PUT {"name": "value"}: what the operator types into the addresses of the flows."""
        try:
            given = parse_json(asked.request.body)
        except ValueError:
            given = None
        if not isinstance(given, dict) or not all(isinstance(value, str) for value in given.values()):
            return _exception(asked, 400, "A JSON object of texts is needed")
        self._exchange.set_variables(given, asked.now)
        return Reply(200, as_json(given), JSON)


def _query(request: Request) -> dict[str, str]:
    return dict(parse_qsl(request.query))


def _form(request: Request) -> list[tuple[str, str]]:
    """Parameters of query and body; urlencoded and multipart, as the API takes them. Raises Invalid."""
    content_type = request.headers.get("content-type", "")
    kind = content_type.partition(";")[0].strip().lower()
    pairs = parse_qsl(request.query)
    if not request.body:
        return pairs
    if kind == "multipart/form-data":
        return pairs + _multipart(content_type, request.body)
    if kind in {"application/x-www-form-urlencoded", ""}:
        return pairs + parse_qsl(request.body.decode("utf-8", "replace"))
    raise Invalid(f"Unsupported Content-Type {kind}: send application/x-www-form-urlencoded")


def _readable(request: Request) -> list[tuple[str, str]]:
    try:
        return _form(request)
    except Invalid:
        return []


def _multipart(content_type: str, body: bytes) -> list[tuple[str, str]]:
    head = b"Content-Type: " + content_type.encode("ascii", "replace") + b"\r\n\r\n"
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    pairs = []
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        payload = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(payload, bytes):
            pairs.append((name, payload.decode("utf-8", "replace")))
    return pairs


def _document(asked: _Asked, fields: Fields) -> Reply:
    return Reply(200, as_json(fields), JSON) if asked.json else Reply(200, as_xml(fields))


def _exception(
    asked: _Asked,
    status: int,
    message: str,
    *,
    code: str | None = None,
    headers: tuple[tuple[str, str], ...] = (),
    delay: float = 0.0,
    answer: Answer = Answer.PLAIN,
) -> Reply:
    fields = exception_fields(status, message, code)
    body, content_type = (as_json(fields), JSON) if asked.json else (as_xml(fields), XML)
    return Reply(status, body, content_type, headers, delay, answer)


def _refusal(asked: _Asked, refused: Refused) -> Reply:
    refusal = refused.refusal
    if refusal.status == 0:
        return Reply(0, delay=refused.delay, answer=Answer.CLOSED)
    retry = () if refusal.retry_after is None else (("Retry-After", str(refusal.retry_after)),)
    return _exception(asked, refusal.status, refusal.message, headers=retry, delay=refused.delay)


def _too_many(asked: _Asked, wait: float) -> Reply:
    seconds = max(1, math.ceil(wait))
    message = f"Rate limit exceeded. Try again in {seconds} seconds."
    return _exception(asked, 429, message, code=RATE_CODE, headers=(("Retry-After", str(seconds)),))
