"""The addresses that we hand to Exotel. All are made from PUBLIC_URL; a Host header never reaches one."""

from urllib.parse import urlsplit

from django.conf import settings

from campaigns import tokens

DEFAULT_SAMPLE_RATE = 8000


def stream_base() -> str:
    """ws(s)://… of the media unit: PUBLIC_STREAM_URL, or PUBLIC_URL with its scheme turned (https gives wss)."""
    if settings.PUBLIC_STREAM_URL:
        return str(settings.PUBLIC_STREAM_URL)
    scheme, rest = settings.PUBLIC_URL.split("://", 1)
    return f"{'wss' if scheme == 'https' else 'ws'}://{rest}"


def status_callback(attempt_id: int) -> str:
    return f"{settings.PUBLIC_URL}/x/cb/{tokens.mint('callback', str(attempt_id))}"


def stream(attempt_id: int, sample_rate: int = DEFAULT_SAMPLE_RATE) -> str:
    """The bot's address for one attempt. The rate is asked for in the query, which Exotel strips and honours."""
    address = f"{stream_base()}/x/ws/{tokens.mint('stream', str(attempt_id))}"
    return address if sample_rate == DEFAULT_SAMPLE_RATE else f"{address}?sample-rate={sample_rate}"


def custom_field(campaign_id: int, attempt_id: int) -> str:
    """The campaign's and the attempt's id, signed: at most 128 characters."""
    return tokens.mint("custom-field", f"{campaign_id}-{attempt_id}")


def is_plain(address: str) -> bool:
    """Whether an address goes over the wire unencrypted."""
    return urlsplit(address).scheme in ("http", "ws")
