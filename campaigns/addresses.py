"""The addresses that we hand to Exotel. All are made from PUBLIC_URL; a Host header never reaches one."""

from collections.abc import Mapping
from urllib.parse import quote, urlencode, urlsplit

from django.conf import settings

from campaigns import tokens

DEFAULT_SAMPLE_RATE = 8000
QUERY_LENGTH = 256  # characters of a stream's parameters, names and all (developer guide)


def stream_base() -> str:
    """ws(s)://… of the media unit: PUBLIC_STREAM_URL, or PUBLIC_URL with its scheme turned (https gives wss)."""
    if settings.PUBLIC_STREAM_URL:
        return str(settings.PUBLIC_STREAM_URL)
    scheme, rest = settings.PUBLIC_URL.split("://", 1)
    return f"{'wss' if scheme == 'https' else 'ws'}://{rest}"


def status_callback(attempt_id: int) -> str:
    return f"{settings.PUBLIC_URL}/x/cb/{tokens.mint('callback', str(attempt_id))}"


def stream(
    attempt_id: int,
    sample_rate: int = DEFAULT_SAMPLE_RATE,
    parameters: Mapping[str, str] | None = None,
    *,
    ordinal: int = 1,
) -> str:
    """The bot's address for the call's first stream, or in a flow for its nth.

    The rate and the parameters are in the query, which Exotel strips: it honours the one, and delivers the others in
    the start event. Values are cut, the longest first, until all of them fit.
    """
    subject = str(attempt_id) if ordinal == 1 else f"{attempt_id}-{ordinal}"
    query = _query(sample_rate, dict(parameters or {}))
    return f"{stream_base()}/x/ws/{tokens.mint('stream', subject)}{'?' if query else ''}{query}"


def _query(sample_rate: int, parameters: dict[str, str]) -> str:
    rate = {} if sample_rate == DEFAULT_SAMPLE_RATE else {"sample-rate": str(sample_rate)}
    while len(query := urlencode(rate | parameters, quote_via=quote)) > QUERY_LENGTH and any(parameters.values()):
        longest = max(parameters, key=lambda name: len(quote(parameters[name])))
        parameters[longest] = parameters[longest][:-1]
    return query


def passthru(token: str, *, always_a: bool = False) -> str:
    """What is typed into a Passthru applet; `always_a` for one that is asynchronous, or stands before the stream."""
    return f"{settings.PUBLIC_URL}/x/pt/{token}{'/async' if always_a else ''}"


def dynamic_stream(token: str) -> str:
    """What is typed into a Voicebot or Stream applet that asks us for its address."""
    return f"{settings.PUBLIC_URL}/x/ds/{token}"


def static_stream(token: str, user_name: str = "", password: str = "") -> str:
    """What is typed into a Voicebot or Stream applet that has one address for all calls."""
    scheme, rest = stream_base().split("://", 1)
    return f"{scheme}://{f'{user_name}:{password}@' if password else ''}{rest}/x/ws/a/{token}"


def branch_b() -> str:
    """Where the 302 of a Passthru points. Nobody should go there; who does finds one word."""
    return f"{settings.PUBLIC_URL}/x/branch-b"


def custom_field(campaign_id: int, attempt_id: int) -> str:
    """The campaign's and the attempt's id, signed: at most 128 characters."""
    return tokens.mint("custom-field", f"{campaign_id}-{attempt_id}")


def is_plain(address: str) -> bool:
    """Whether an address goes over the wire unencrypted."""
    return urlsplit(address).scheme in ("http", "ws")
