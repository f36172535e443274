"""Credentials at rest: Fernet with key rotation. The first key of ENCRYPTION_KEYS encrypts, all of them decrypt."""

from functools import lru_cache
from typing import TYPE_CHECKING

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models


@lru_cache(maxsize=4)
def _cipher(keys: str) -> MultiFernet:
    try:
        return MultiFernet([Fernet(key.strip()) for key in keys.split(",")])
    except ValueError as broken:
        raise ImproperlyConfigured(f"ENCRYPTION_KEYS: {broken}") from broken


def encrypt(text: str) -> str:
    return _cipher(settings.ENCRYPTION_KEYS).encrypt(text.encode()).decode() if text else ""


def decrypt(stored: str) -> str:
    """The clear text; raises ImproperlyConfigured when none of today's keys wrote it."""
    if not stored:
        return ""
    try:
        return _cipher(settings.ENCRYPTION_KEYS).decrypt(stored.encode()).decode()
    except InvalidToken as unreadable:
        raise ImproperlyConfigured(
            "ENCRYPTION_KEYS: a stored credential was written with another key. Add that key to the list."
        ) from unreadable


if TYPE_CHECKING:
    _TextField = models.TextField[str, str]
else:
    _TextField = models.TextField


class EncryptedTextField(_TextField):
    """Clear text in Python, a Fernet token in the table."""

    def from_db_value(self, value: str | None, *_: object) -> str | None:
        return None if value is None else decrypt(value)

    def get_prep_value(self, value: str | None) -> str | None:
        return None if value is None else encrypt(value)
