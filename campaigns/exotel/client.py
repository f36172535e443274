"""Exotel's REST API over httpx: dial at most once, and ask what became of the calls.

Reference: exotel-wire 1 and 5; developer.exotel.com/api (call details, bulk call details). Authentication is Basic,
key and token. Neither they nor a number of a query ever stands in a repr, a log line or an exception.
"""

import logging
import re
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import NoReturn
from urllib.parse import quote, urlencode, urljoin, urlsplit

import httpx

from campaigns.exotel.allowances import RateAllowance, rate_allowance
from campaigns.exotel.answers import (
    Accepted,
    ConnectAnswer,
    NotSent,
    Refused,
    Unknown,
    excerpt,
    read_answer,
    read_refusal,
    retry_after,
)
from campaigns.exotel.bodies import Object, read_body
from campaigns.exotel.details import (
    CallDetails,
    CallList,
    StreamUse,
    read_call,
    read_calls,
    read_stream_use,
)
from campaigns.exotel.errors import (
    ExotelError,
    Forbidden,
    NotFound,
    PaymentDue,
    RateLimited,
    Unauthorised,
    Unexpected,
    Unreachable,
    Unreadable,
)
from campaigns.exotel.exchange import STOOD_TOO_LATE, Exchange, Gate, NoReply, Reply
from campaigns.exotel.numbers import alike, canonical, national, same_number
from campaigns.exotel.payloads import ConnectRequest, Spelling, connect_path, form
from campaigns.exotel.sids import bare
from campaigns.exotel.times import INDIA_TIME, read_time, spell_time

DEADLINE = 10.0  # seconds for a whole exchange
LATE = 40.0  # seconds after which a late answer is no longer waited for; 30 s is the worst that support tells of
MOST_EXCHANGES = 256  # 64 dials at once, each of which may linger for 40 s past a deadline of 10 s
SIDS_AT_ONCE = 20
SIDS_AT_MOST = 100
PAGE_SIZE = 100
PAGES_AT_MOST = 20


def _drop_addresses(record: logging.LogRecord) -> bool:
    """httpx logs the address of each request at INFO, and ours carry people's numbers."""
    return record.levelno >= logging.WARNING


logging.getLogger("httpx").addFilter(_drop_addresses)


class _Fresh(httpx.BaseTransport):
    """A connection for each request, in no pool: with 64 dials out a pool looks at all 64 for each that begins or ends,
    while the others wait for its lock."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._tls = tls
        self._none_kept = httpx.Limits(max_keepalive_connections=0)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return httpx.HTTPTransport(verify=self._tls, trust_env=False, limits=self._none_kept).handle_request(request)


@dataclass(frozen=True, slots=True)
class Reachability:
    """`ok`, or the `problem` that a cheap authenticated question met (its words are fit for a page)."""

    ok: bool
    problem: ExotelError | None = None


class ExotelClient:
    """One account at one address. Thread-safe. It holds no connection between requests, so nothing is ever closed.

    `base_url` is the region's (https, or http for a simulator), `time_zone` that of the account's timestamps, `tls`
    replaces the default certificate store, `deadline` is in seconds for whole questions other than dialling. Raises
    ValueError for an address that must not carry credentials.
    """

    def __init__(
        self,
        base_url: str,
        account_sid: str,
        api_key: str,
        api_token: str,
        spelling: Spelling = "wire",
        *,
        time_zone: tzinfo = INDIA_TIME,
        tls: ssl.SSLContext | None = None,
        deadline: float = DEADLINE,
    ) -> None:
        self._base_url = _checked(base_url)
        self._account_sid = account_sid
        self._spelling = spelling
        self._zone = time_zone
        self._deadline = deadline
        self._room = threading.BoundedSemaphore(MOST_EXCHANGES)
        self.questions = 0  # requests other than dials that were sent; each counts as one of the account's
        self.allowance: RateAllowance | None = None  # what the last answer to a question said of the account's rate
        self.clock: datetime | None = None  # Exotel's, as the last answer to a question told it
        self._client = httpx.Client(
            auth=httpx.BasicAuth(api_key, api_token),
            # Asking for a fresh connection each time: on a kept one a reset cannot be told from an accepted call.
            headers={"Connection": "close", "Accept-Encoding": "identity", "User-Agent": "dialer"},
            transport=_Fresh(tls or httpx.create_ssl_context(trust_env=False)),
            trust_env=False,
            follow_redirects=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        )

    def __repr__(self) -> str:
        return f"ExotelClient({self.reaches})"

    @property
    def reaches(self) -> str:
        """Which account, where, and how its times are read: what one client has heard counts for another like it."""
        return f"{self._base_url!r}, {self._account_sid!r}, spelling={self._spelling!r}, time_zone='{self._zone}'"

    def connect(
        self,
        request: ConnectRequest,
        *,
        not_after: float,
        not_before: float = 0.0,
        gate: Gate | None = None,
        total_deadline: float = DEADLINE,
        late_answer: Callable[[ConnectAnswer], None] | None = None,
    ) -> ConnectAnswer:
        """Place the call with one POST, and say within `total_deadline` seconds what came of it.

        The first byte leaves between `not_before` and `not_after` (of time.monotonic) or never; what must be done
        before it, a connection above all, is done at once. `gate` is asked then, and says when it may pass. Nothing
        is retried. If the deadline
        passes after the first byte the answer is Unknown, while the exchange goes on for up to 40 s in all; if it
        then still ends in Accepted or Refused, `late_answer` gets that, once, on another thread, after this
        method has decided. The callback should only hand it over, to a queue for example. Without a callback the
        connection is cut at the deadline.
        """
        began = time.monotonic()
        if began > not_after:
            return NotSent("the time to send had passed, nothing was sent", ours=True)
        dial = self._dial(request, min(not_after - began, total_deadline))
        exchange = self._begin(dial, not_before, not_after, gate)
        if exchange is None:
            return NotSent(f"{MOST_EXCHANGES} earlier requests still wait for an answer", ours=True)
        deadline = began + total_deadline
        result = exchange.wait(min(not_after, deadline))
        if result is None and exchange.withhold():
            late = exchange.too_late()
            return NotSent(STOOD_TOO_LATE if late else "timed out while connecting, nothing was sent", late)
        result = result or exchange.wait(deadline)
        if result is None:
            result = _leave(exchange, late_answer, began + LATE)
        return _deadline_answer(total_deadline) if result is None else _judged(result)

    def call(self, sid: str) -> CallDetails | None:
        """One call's details, or None if Exotel does not know the Sid. Raises ExotelError."""
        query = [("details", "true")]
        reply = self._get(self._path(f"Calls/{quote(sid, safe='')}"), query)
        if reply.status == 404:
            return None
        return read_call(self._body(reply), self._zone)

    def calls(self, sids: Sequence[str]) -> dict[str, CallDetails]:
        """Details of up to 100 calls by Sid as asked, 20 a request; who is unknown is missing. Raises ExotelError.

        Twenty fit on a page, so the pages of a list that goes on all the same are not asked for.
        """
        if len(sids) > SIDS_AT_MOST:
            raise ValueError(f"at most {SIDS_AT_MOST} Sids at once")
        found: dict[str, CallDetails] = {}
        for first in range(0, len(sids), SIDS_AT_ONCE):
            batch = sids[first : first + SIDS_AT_ONCE]
            asked = {bare(sid): sid for sid in batch}
            query = [("Sid", ",".join(batch)), ("PageSize", str(PAGE_SIZE))]
            calls, _ = self._page(self._listed_at(query))
            found |= {asked[bare(call.sid)]: call for call in calls if bare(call.sid) in asked}
        return found

    def calls_to(self, number: str, *, since: datetime, until: datetime) -> CallList:
        """Calls to `number` (E.164) that Exotel created between two aware times. Raises ExotelError.

        Records carry no CustomField, so this is how an unknown POST is looked for. Both spellings of the number are
        asked for, and what does not match it is dropped here. A call to a number abroad may come back in a spelling
        that reads as another country's; without such a call the list is not complete, so it proves no absence.
        """
        query = [
            ("From", ",".join(sorted({canonical(number), national(number)}))),
            ("DateCreated", f"gte:{spell_time(since, self._zone)};lte:{spell_time(until, self._zone)}"),
            ("SortBy", "DateCreated:asc"),
            ("PageSize", str(PAGE_SIZE)),
        ]
        listed = self._list(query)
        found = tuple(call for call in listed.calls if same_number(call.number, number))
        doubtful = any(alike(call.number, number) for call in listed.calls if call not in found)
        return CallList(found, listed.complete and not doubtful)

    def calls_between(self, since: datetime, until: datetime, page: str = "") -> tuple[list[CallDetails], str]:
        """One page of the calls that Exotel created between two aware times, oldest first, and the next page or "".

        Calls that still go on are known to be left out. One request; raises ExotelError.
        """
        address = page or self._listed_at(
            [
                ("DateCreated", f"gte:{spell_time(since, self._zone)};lte:{spell_time(until, self._zone)}"),
                ("SortBy", "DateCreated:asc"),
                ("PageSize", str(PAGE_SIZE)),
            ]
        )
        calls, following = self._page(address)
        return calls, self._next_page(address, following)

    def active_streams(self) -> StreamUse:
        """How many media streams the account has open. Raises ExotelError."""
        account = quote(self._account_sid, safe="")
        wire = self._spelling == "wire"
        path = f"/v1/Accounts/{account}/ActiveStreams" if wire else f"/v1/accounts/{account}/activestreams"
        return read_stream_use(self._body(self._get(path, [])))

    def reachable(self) -> Reachability:
        """Ask for one call of the list: is Exotel there, and does it know us?"""
        try:
            self._body(self._get(self._path("Calls"), [("PageSize", "1")]))
        except ExotelError as problem:
            return Reachability(ok=False, problem=problem)
        return Reachability(ok=True)

    def _dial(self, request: ConnectRequest, time_to_connect: float) -> httpx.Request:
        return self._client.build_request(
            "POST",
            self._base_url + connect_path(self._account_sid, self._spelling),
            content=urlencode(form(request, self._spelling)).encode("ascii"),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            timeout=httpx.Timeout(LATE, connect=max(time_to_connect, 0.001), pool=None),
        )

    def _begin(
        self,
        request: httpx.Request,
        not_before: float = 0.0,
        not_after: float = float("inf"),
        gate: Gate | None = None,
    ) -> Exchange | None:
        if not self._room.acquire(blocking=False):
            return None
        window = {"not_before": not_before, "not_after": not_after}
        return Exchange(self._client, request, **window, gate=gate, on_end=self._room.release).start()

    def _path(self, rest: str) -> str:
        # The guide's lower case covers dialling and ActiveStreams; the call details' own pages are in title case.
        return f"/v1/Accounts/{quote(self._account_sid, safe='')}/{rest}.json"

    def _get(self, path: str, query: Iterable[tuple[str, str]]) -> Reply:
        """A whole answer within the deadline, of whatever status. Raises Unreachable."""
        address = f"{self._base_url}{path}"
        parameters = urlencode(list(query))
        return self._fetch(f"{address}?{parameters}" if parameters else address)

    def _fetch(self, address: str) -> Reply:
        exchange = self._begin(self._client.build_request("GET", address, timeout=httpx.Timeout(self._deadline)))
        if exchange is None:
            raise Unreachable(f"{MOST_EXCHANGES} earlier requests still wait for an answer")
        self.questions += 1
        result = exchange.wait(time.monotonic() + self._deadline)
        if result is None:
            exchange.cut()
            raise Unreachable(f"no whole answer within {self._deadline:g} seconds")
        if isinstance(result, NoReply):
            raise Unreachable(result.reason)
        self.allowance = rate_allowance(result.headers)
        self.clock = read_time(result.headers.get("date", "").removesuffix(" GMT"), UTC)
        return result

    def _body(self, reply: Reply) -> Object:
        if not 200 <= reply.status < 300:
            _raise_refusal(reply)
        return read_body(reply.body)

    def _list(self, query: Iterable[tuple[str, str]]) -> CallList:
        found: list[CallDetails] = []
        seen: set[str] = set()
        address = self._listed_at(query)
        while address and address not in seen and len(seen) < PAGES_AT_MOST:
            seen.add(address)
            calls, following = self._page(address)
            found += calls
            address = self._next_page(address, following)
        return CallList(tuple(found), complete=not address)

    def _page(self, address: str) -> tuple[list[CallDetails], str]:
        """One page of a list, and what it says about the next."""
        return read_calls(self._body(self._fetch(address)), self._zone)

    def _listed_at(self, query: Iterable[tuple[str, str]]) -> str:
        return f"{self._base_url}{self._path('Calls')}?{urlencode(list(query))}"

    def _next_page(self, address: str, following: str) -> str:
        """The next page's address, "" at the end. Another host gets no password: raises Unreadable."""
        if not following:
            return ""
        joined = urljoin(address, following)
        if _origin(joined) != _origin(self._base_url):
            raise Unreadable("the list continues at another host")
        return joined


def _leave(
    exchange: Exchange, late_answer: Callable[[ConnectAnswer], None] | None, until: float
) -> Reply | NoReply | None:
    if late_answer is None:
        exchange.cut()
        return None

    def report(result: Reply | NoReply) -> None:
        answer = _judged(result)
        if isinstance(answer, (Accepted, Refused)):
            late_answer(answer)

    return exchange.leave(report, until=until)


def _deadline_answer(total_deadline: float) -> Unknown:
    return Unknown(f"no whole answer within {total_deadline:g} seconds")


def _judged(result: Reply | NoReply) -> ConnectAnswer:
    if isinstance(result, Reply):
        return read_answer(result.status, result.headers, result.body, result.latency)
    if not result.sent:
        return NotSent(result.reason, result.ours)
    return Unknown(result.reason, result.status, excerpt(result.body))


_ERRORS: Mapping[int, type[ExotelError]] = {401: Unauthorised, 402: PaymentDue, 403: Forbidden, 404: NotFound}


def _raise_refusal(reply: Reply) -> NoReturn:
    message = read_refusal(reply.body)[0] or f"Exotel answered {reply.status}"
    if reply.status == 429:
        raise RateLimited(message, retry_after=retry_after(reply.headers.get("retry-after"), datetime.now(UTC)))
    if reply.status in _ERRORS:
        raise _ERRORS[reply.status](message)
    raise Unexpected(message, http_status=reply.status)


def _origin(address: str) -> tuple[str, str]:
    parts = urlsplit(address)
    return parts.scheme.lower(), parts.netloc.lower()


def _checked(base_url: str) -> str:
    parts = urlsplit(base_url.rstrip("/"))
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("the API address must begin with https:// and name a host")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("the API address must hold neither credentials nor a query")
    if parts.scheme == "http" and re.search(r"(^|\.)exotel\.(com|in)$", parts.hostname):
        raise ValueError("Exotel's own address must be https: the key would travel in clear")
    return base_url.rstrip("/")
