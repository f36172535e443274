"""The REST face without its sockets: a request in, a reply out, the clock handed in."""

import base64
import binascii
import email.parser
import email.policy
import math
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

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
)
from dialer.simulator.exchange import Exchange, Placed, Refused
from dialer.simulator.fates import Answer
from dialer.simulator.ledger import Entry
from dialer.simulator.orders import Invalid, read_order
from dialer.simulator.recordings import READY_AFTER, wav
from dialer.simulator.records import page_of

XML, JSON = "application/xml", "application/json"
RATE_CODE = "RATE_LIMIT_EXCEEDED"
HEALTH = "/_simulator/health"


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
        if not self._authentic(request.headers.get("authorization", "")):
            return _exception(asked, 401, "Authentication failed")
        recording = re.fullmatch(r"/recordings/([^/]+)/([0-9a-z]{32})\.wav", request.path)
        if recording and request.method == "GET":
            return self._recording(asked, recording.group(1), recording.group(2))
        match = re.fullmatch(_pattern(lowercase=lowercase), request.path)
        if not match or match.group("account") != self._options.account_sid:
            return _exception(asked, 404, "The requested resource was not found")
        wait = self._exchange.admit(now)
        if wait is not None:
            self._note_refusal(asked, 429, "rate limit")
            return _too_many(asked, wait)
        try:
            return self._answer(asked, match)
        except Invalid as error:
            self._note_refusal(asked, 400, str(error))
            return _exception(asked, 400, str(error))

    def _answer(self, asked: _Asked, match: re.Match[str]) -> Reply:
        what, method = match.group("what"), asked.request.method
        if what in {"Calls/connect", "calls/connect"}:
            return self._connect(asked) if method == "POST" else _exception(asked, 405, "Method not allowed")
        if method != "GET":
            return _exception(asked, 405, "Method not allowed")
        if what == "ActiveStreams":
            return self._active_streams(asked)
        return self._list(asked) if what == "Calls" else self._details(asked, what[-32:])

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
        details = _query(asked.request).get("details") == "true"
        fields = call_fields(call, self._options, details=details, xml=not asked.json)
        return _document(asked, {"Call": fields})

    def _list(self, asked: _Asked) -> Reply:
        calls = [call for call in self._exchange.calls.values() if not (call.open and self._options.hide_ongoing)]
        page, metadata = page_of(calls, _query(asked.request), asked.request.path)
        fields = list_fields(page, self._options, metadata)
        if asked.json:
            return Reply(200, as_json(fields), JSON)
        return Reply(200, as_xml({"Metadata": metadata, "Calls": {"Call": fields["Calls"]}}))

    def _active_streams(self, asked: _Asked) -> Reply:
        active, most = self._exchange.active_streams, self._options.channels
        if not asked.json:
            return Reply(200, as_xml({"Stream": {"ActiveStreamCount": active, "ThrottleLimit": most}}))
        fields = {"status": "success", "active_streams": active, "max_allowed_streams": most}
        return Reply(200, as_json(fields | {"account_sid": self._options.account_sid}), JSON)

    def _recording(self, asked: _Asked, account: str, sid: str) -> Reply:
        call = self._exchange.calls.get(sid)
        ready_at = (call.ended_at or math.inf) + READY_AFTER / self._options.speed if call else math.inf
        if not call or account != self._options.account_sid or not call.recorded or asked.now < ready_at:
            return _exception(asked, 404, "The requested resource was not found")
        return Reply(200, wav(call.conversation, dual=call.order.recording_channels == "dual"), "audio/wav")


def _pattern(*, lowercase: bool) -> str:
    if lowercase:
        return r"/v1/accounts/(?P<account>[^/]+)/(?P<what>calls/connect)(?:\.json)?"
    what = r"Calls/connect|Calls(?:\.json)?/[0-9a-z]{32}|Calls|ActiveStreams"
    return rf"/v1/Accounts/(?P<account>[^/]+)/(?P<what>{what})(?:\.json)?/?"


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
