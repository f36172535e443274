"""The dial request: one frozen value, the form it becomes, and what is wrong with it in an operator's words.

Sources: exotel-wire 1; docs.exotel.com "Connect to Voice AI API" and "Connect to Flow"; AgentStream developer guide.
"""

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import SplitResult, parse_qsl, quote, urlsplit

from campaigns.exotel.numbers import canonical, is_e164, spell_exophone

Spelling = Literal["wire", "documented"]

STREAM_URL_LENGTH = 600  # must be under
CUSTOM_FIELD_LENGTH = 128
STREAM_NAME_LENGTH = 32
FLOW_TIME_LIMIT = 14_400  # seconds
STREAM_TIME_LIMIT = 3_600  # seconds: a stream is cut after 60 minutes
STREAM_PARAMETERS = 3  # pairs in the address of a stream
STREAM_PARAMETERS_LENGTH = 256
SAMPLE_RATE_PARAMETER = "sample-rate"
FLOW_HOSTS = frozenset({"my.exotel.com", "my.exotel.in"})
EVENTS = ("terminal", "answered", "ringing")
_FLOW_PATH = re.compile(r"(/[^/]+)?/exoml/start(_voice)?/[0-9]+/?")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectRequest:
    """One call to place. Numbers are E.164, times are seconds.

    In `bot` mode Exotel connects the answered call to `stream_url`; in `flow` mode it runs the flow at `flow_url`.
    The number and the addresses with their tokens are left out of its repr.
    """

    number: str = field(repr=False)
    caller_id: str
    mode: Literal["bot", "flow"]
    stream_url: str = field(default="", repr=False)
    stream_type: Literal["bidirectional", "unidirectional"] = "bidirectional"
    stream_name: str = ""
    flow_url: str = ""
    call_type: Literal["trans", "promo"] = "trans"
    time_limit: int | None = None
    ring_timeout: int | None = None
    record: bool = False
    recording_channels: Literal["single", "dual"] = "single"
    status_callback: str = field(default="", repr=False)
    status_callback_events: tuple[str, ...] = ()
    status_callback_content_type: Literal["application/json", "multipart/form-data"] | None = None
    custom_field: str = field(default="", repr=False)


def form(request: ConnectRequest, spelling: Spelling) -> list[tuple[str, str]]:
    """The fields of the POST in order; what is empty or belongs to the other mode is not sent.

    `wire` is what Exotel's servers were seen to take: From, StreamUrl, StatusCallbackEvents[0]. `documented` is the
    lower-case spelling of the vendor's guide: from, streamurl, statuscallbackevents[].
    """
    fields = [(name, value) for name, value in _fields(request) if value]
    if spelling == "documented":
        return [(name.lower(), value) for name, value in fields] + _documented_events(request)
    indexed = enumerate(request.status_callback_events)
    return fields + [(f"StatusCallbackEvents[{index}]", event) for index, event in indexed]


def _documented_events(request: ConnectRequest) -> list[tuple[str, str]]:
    """A list for a bot; for a flow one word, which is `both` for terminal and answered (Connect to Flow)."""
    events = request.status_callback_events
    if request.mode == "bot" or not events:
        return [("statuscallbackevents[]", event) for event in events]
    return [("statuscallbackevents", "both" if {"terminal", "answered"} <= set(events) else events[0])]


def _fields(request: ConnectRequest) -> Iterator[tuple[str, str]]:
    yield "From", request.number
    yield "CallerId", spell_exophone(request.caller_id)
    yield from _where_to(request)
    yield "CallType", request.call_type
    yield "TimeLimit", str(request.time_limit or "")
    yield "TimeOut", str(request.ring_timeout or "")
    if request.record:
        yield "Record", "true"
        yield "RecordingChannels", request.recording_channels
    yield "CustomField", request.custom_field
    yield "StatusCallback", request.status_callback
    yield "StatusCallbackContentType", request.status_callback_content_type or ""


def _where_to(request: ConnectRequest) -> Iterator[tuple[str, str]]:
    if request.mode == "flow":
        yield "Url", request.flow_url
        return
    yield "StreamUrl", request.stream_url
    yield "StreamType", request.stream_type
    yield "StreamName", request.stream_name


def connect_path(account_sid: str, spelling: Spelling) -> str:
    """The path of the dial POST. `.json` asks for a JSON answer; the documented path leaves it to Exotel."""
    account = quote(account_sid, safe="")
    if spelling == "documented":
        return f"/v1/accounts/{account}/calls/connect"
    return f"/v1/Accounts/{account}/Calls/connect.json"


def problems(request: ConnectRequest) -> list[str]:
    """Everything about the request that Exotel would refuse or misread, one sentence each; empty when there is none."""
    return [
        *_number_problems(request),
        *_mode_problems(request),
        *_limit_problems(request),
        *_callback_problems(request),
    ]


def _number_problems(request: ConnectRequest) -> Iterator[str]:
    if not is_e164(request.number):
        yield "The number to call must be in international form, + and country first, for example +919876543210."
    if not is_caller_id(request.caller_id):
        yield "The caller ID is not a phone number. Use one of the account's ExoPhones, for example 080 4789 1899."


def is_caller_id(text: str) -> bool:
    """Whether `text` can be an ExoPhone, in whatever spelling."""
    digits = canonical(text).removeprefix("+")
    return re.fullmatch(r"\+?[0-9 ()-]+", text) is not None and 8 <= len(digits) <= 15


def _mode_problems(request: ConnectRequest) -> Iterator[str]:
    if request.mode == "flow":
        yield from _flow_problems(request)
        return
    yield from _stream_problems(request)
    if request.flow_url:
        yield "A call goes to a bot or to a flow, not to both: take the flow URL out, or choose flow mode."


def _flow_problems(request: ConnectRequest) -> Iterator[str]:
    if request.stream_url:
        yield "A call goes to a bot or to a flow, not to both: the flow's own applet holds the bot's address."
    parts = _split(request.flow_url)
    if parts is None or parts.scheme not in {"http", "https"} or not _is_flow(parts):
        yield (
            "The flow URL must be one of Exotel's flows, http://my.exotel.com/<account>/exoml/start_voice/<flow id>. "
            "Exotel does not call addresses of your own from here."
        )


def _is_flow(parts: SplitResult) -> bool:
    host = (parts.hostname or "").lower()
    return is_loopback(host) or (host in FLOW_HOSTS and _FLOW_PATH.fullmatch(parts.path) is not None)


def _stream_problems(request: ConnectRequest) -> Iterator[str]:
    parts = _split(request.stream_url)
    if parts is None or parts.scheme not in {"ws", "wss"} or not parts.hostname:
        yield "The stream URL must begin with wss:// or ws:// and name a host."
    elif parts.fragment:
        yield "The stream URL must not have a # part: it would not be sent."
    if len(request.stream_url) >= STREAM_URL_LENGTH:
        yield f"The stream URL has {len(request.stream_url)} characters; Exotel takes fewer than {STREAM_URL_LENGTH}."
    if parts is not None and _too_many_parameters(parts.query):
        yield (
            f"The stream URL carries more than {STREAM_PARAMETERS} parameters or more than "
            f"{STREAM_PARAMETERS_LENGTH} characters of them; Exotel would cut them."
        )
    if len(request.stream_name) > STREAM_NAME_LENGTH:
        yield f"The stream name has {len(request.stream_name)} characters; Exotel takes {STREAM_NAME_LENGTH}."


def _too_many_parameters(query: str) -> bool:
    pairs = [name for name, _ in parse_qsl(query, keep_blank_values=True) if name != SAMPLE_RATE_PARAMETER]
    return len(pairs) > STREAM_PARAMETERS or len(query) > STREAM_PARAMETERS_LENGTH


def _limit_problems(request: ConnectRequest) -> Iterator[str]:
    most = STREAM_TIME_LIMIT if request.mode == "bot" else FLOW_TIME_LIMIT
    if request.time_limit is not None and not 1 <= request.time_limit <= most:
        yield f"The time limit must be between 1 and {most:,} seconds for a call to a {request.mode}."
    if request.ring_timeout is not None and request.ring_timeout < 1:
        yield "The ring timeout must be at least one second."
    if len(request.custom_field) > CUSTOM_FIELD_LENGTH:
        yield f"The custom field has {len(request.custom_field)} characters; Exotel takes {CUSTOM_FIELD_LENGTH}."


def _callback_problems(request: ConnectRequest) -> Iterator[str]:
    parts = _split(request.status_callback)
    if request.status_callback and (parts is None or parts.scheme not in {"http", "https"} or not parts.hostname):
        yield "The status callback must be an http:// or https:// address."
    unknown = sorted(set(request.status_callback_events) - set(EVENTS))
    if unknown:
        yield f"Exotel knows no status event named {', '.join(unknown)}; it knows {', '.join(EVENTS)}."


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine: localhost or a loopback address."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _split(address: str) -> SplitResult | None:
    if re.search(r"[\s\x00-\x1f]", address):
        return None
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        return None
    return parts
