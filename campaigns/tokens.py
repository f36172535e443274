"""Tokens in the addresses that we hand to Exotel: `kid.subject.mac`, checked before any query.

One key signs, several verify (TOKEN_KEYS is `kid:key,kid:key…`, the first signs). The mac covers the purpose, so
that a callback's token opens no stream.
"""

import base64
import hashlib
import hmac
from functools import lru_cache
from typing import Literal

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

Purpose = Literal["callback", "stream", "custom-field", "passthru", "dynamic-stream", "static-stream"]

KEY_BYTES = 16
MAC_BYTES = 18  # 144 bits, 24 characters


class Forged(Exception):
    """The token was not made by us for this purpose."""


@lru_cache(maxsize=4)
def _keys(text: str) -> dict[str, bytes]:
    try:
        pairs = [pair.strip().split(":", 1) for pair in text.split(",")]
        keys = {kid: _decoded(key) for kid, key in pairs}
    except ValueError as broken:
        raise ImproperlyConfigured("TOKEN_KEYS: expected kid:base64url[,kid:base64url…]") from broken
    if min(map(len, keys.values())) < KEY_BYTES:
        raise ImproperlyConfigured(f"TOKEN_KEYS: each key must have at least {KEY_BYTES} bytes")
    return keys


def _decoded(key: str) -> bytes:
    """Base64url with or without padding. Strictly: a character left out would make another, shorter key."""
    bare = key.rstrip("=")
    return base64.b64decode(bare + "=" * (-len(bare) % 4), altchars=b"-_", validate=True)


def _mac(key: bytes, purpose: Purpose, subject: str) -> str:
    digest = hmac.new(key, f"{purpose}|{subject}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest[:MAC_BYTES]).decode()


def mint(purpose: Purpose, subject: str) -> str:
    """A token for `subject` (digits and dashes, no dots)."""
    kid, key = next(iter(_keys(settings.TOKEN_KEYS).items()))
    return f"{kid}.{subject}.{_mac(key, purpose, subject)}"


def read(purpose: Purpose, token: str) -> str:
    """The subject of a token of ours; raises Forged. Costs one HMAC and no query."""
    parts = token.split(".")
    if len(parts) != 3 or not token.isascii():
        raise Forged
    kid, subject, mac = parts
    key = _keys(settings.TOKEN_KEYS).get(kid)
    if key is None or not hmac.compare_digest(mac.encode(), _mac(key, purpose, subject).encode()):
        raise Forged
    return subject
