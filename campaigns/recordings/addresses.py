"""Which address of a recording may be fetched, and whether the account's key goes along.

An address that came with a callback is a stranger's word until it is held against this list: fetched blindly it
reaches into our own network, and with Basic authentication it hands the whole account over. Only exact hosts count
("*.amazonaws.com" is anybody's), only the account's own folder, and the key goes to Exotel's own host or to the
simulator account's own address, never to an address that carries its own permission.

Sources: exotel-wire 5 (hosts, private since 8 October 2024, PreSignedRecordingUrl); OWASP SSRF prevention.
"""

import ipaddress
import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit

from django.conf import settings

from campaigns.models import ExotelAccount

OWN_HOST = "recordings.exotel.com"
BUCKET_HOST = "s3-ap-southeast-1.amazonaws.com"
FOLDER = "/exotelrecordings"
LONGEST = 4000  # characters; a presigned address has some 1,500 at most
SIGNATURES = frozenset({"x-amz-signature", "x-amz-credential", "signature", "sig"})
_UNPRINTABLE = re.compile(r"[^\x21-\x7e]|\\")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")

Resolve = Callable[..., Sequence[Any]]  # as socket.getaddrinfo
IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


class NotAllowed(Exception):
    """The address may not be fetched; the words say why."""


@dataclass(frozen=True, slots=True)
class Target:
    """An address that may be fetched. `credentials`: with the account's key; `public`: must not be in a private net."""

    address: str = field(repr=False)  # a presigned one is a permission
    host: str
    port: int
    credentials: bool
    presigned: bool
    public: bool


def vet(account: ExotelAccount, address: str) -> Target:
    """The target that `address` is for this account. Raises NotAllowed with the reason."""
    parts = _split(address)
    _check_scheme(account, parts)
    port = parts.port or {"https": 443, "http": 80}[parts.scheme]
    presigned = any(name.lower() in SIGNATURES for name, _ in parse_qsl(parts.query, keep_blank_values=True))
    own = _known_place(account, parts, port)
    return Target(
        address=address,
        host=parts.hostname or "",
        port=port,
        credentials=own and not presigned,
        presigned=presigned,
        public=not account.simulated,
    )


def pin(target: Target, resolve: Resolve = socket.getaddrinfo) -> str:
    """The IP address to connect to, resolved once. Raises NotAllowed if a public host points into a private net."""
    try:
        found = resolve(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise NotAllowed(f"the host {target.host} could not be resolved") from None
    numbers = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    if not numbers:
        raise NotAllowed(f"the host {target.host} could not be resolved")
    if target.public and not all(map(_is_public, numbers)):
        raise NotAllowed(f"the host {target.host} points into a private network")
    return str(numbers[0])


def _split(address: str) -> SplitResult:
    if len(address) > LONGEST or _UNPRINTABLE.search(address):
        raise NotAllowed("the address is too long or holds characters that no address has")
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        raise NotAllowed("the address cannot be read") from None
    if parts.username is not None or parts.password is not None:
        raise NotAllowed("the address holds a user name")
    if not parts.hostname:
        raise NotAllowed("the address names no host")
    return parts


def _check_scheme(account: ExotelAccount, parts: SplitResult) -> None:
    if parts.scheme == "https" or (parts.scheme == "http" and account.simulated):
        return
    raise NotAllowed(f"{parts.scheme or 'no scheme'} is not fetched, only https")


def _known_place(account: ExotelAccount, parts: SplitResult, port: int) -> bool:
    """Whether this is a place to which the account's key may go; False for one that is only allowed. Or NotAllowed."""
    folder, path = f"{FOLDER}/{quote(account.account_sid, safe='')}/", _path(parts)
    if account.simulated and _origin(parts, port) == _api_origin(account):
        if account.account_sid not in path.split("/"):
            raise NotAllowed("the address is not in this account’s folder")
        return True
    if _is_configured(parts):
        return False
    if port != 443 or parts.hostname not in (OWN_HOST, BUCKET_HOST):
        raise NotAllowed(f"the host {parts.hostname} is not on the allow list")
    if not parts.path.startswith(folder):
        raise NotAllowed("the address is not in this account’s folder")
    return parts.hostname == OWN_HOST


def _path(parts: SplitResult) -> str:
    """The decoded path. Raises NotAllowed if it climbs, whichever way it is spelled."""
    path = unquote(unquote(parts.path))
    if "\\" in path or any(part in (".", "..") for part in path.split("/")):
        raise NotAllowed("the address climbs out of its folder")
    return path


def _origin(parts: SplitResult, port: int) -> tuple[str, str, int]:
    return parts.scheme, parts.hostname or "", port


def _api_origin(account: ExotelAccount) -> tuple[str, str, int]:
    parts = urlsplit(account.api_url)
    return parts.scheme, parts.hostname or "", parts.port or {"https": 443}.get(parts.scheme, 80)


def _is_configured(parts: SplitResult) -> bool:
    """Whether RECORDING_HOSTS names it: entries are `host`, `host:port`, or either with a folder behind it."""
    for entry in settings.RECORDING_HOSTS:
        host, _, folder = entry.partition("/")
        if parts.netloc.lower() == host.lower() and _path(parts).startswith(f"/{folder}"):
            return True
    return False


def _is_public(number: IpAddress) -> bool:
    """Whether an address is on the open internet, whatever it is wrapped in."""
    inner = _embedded(number)
    if inner is not None:
        return _is_public(inner)
    return number.is_global and not number.is_multicast and not number.is_reserved


def _embedded(number: IpAddress) -> ipaddress.IPv4Address | None:
    """The IPv4 address inside a mapped, NAT64, 6to4 or Teredo one."""
    if isinstance(number, ipaddress.IPv4Address):
        return None
    if number in _NAT64:
        return ipaddress.IPv4Address(int(number) & 0xFFFFFFFF)
    teredo = number.teredo
    return number.ipv4_mapped or number.sixtofour or (teredo[1] if teredo else None)
