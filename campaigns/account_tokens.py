"""Tokens of the addresses that an operator types into a flow: one per account and purpose, with versions.

The text is `kid.account-version.mac` (campaigns.tokens): a forged one costs one HMAC and no query. Rotating makes the
next version; the one before stays good for a grace period, so that the flow can be edited without losing a call.
"""

import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from typing import cast

from django.db import IntegrityError, transaction
from django.utils import timezone

from campaigns import addresses, audit, tokens
from campaigns.audit import Actor
from campaigns.models import AccountToken, ExotelAccount
from campaigns.tokens import Purpose

GRACE = timedelta(hours=24)
USE_NOTED_EVERY = timedelta(minutes=1)
USER_NAME = "exotel"  # of the Basic auth in a static stream's address
PURPOSES: tuple[Purpose, ...] = ("passthru", "dynamic-stream", "static-stream")


def text(token: AccountToken) -> str:
    """The token as it stands in an address."""
    return tokens.mint(cast("Purpose", token.purpose), f"{token.account_id}-{token.version}")


def read(purpose: Purpose, given: str) -> tuple[int, int]:
    """(account, version) that a token names; raises tokens.Forged. No query."""
    account, _, version = tokens.read(purpose, given).partition("-")
    return int(account), int(version)


def check(purpose: Purpose, account_id: int, version: int) -> AccountToken | None:
    """The token's row; None if its grace period is over, or its account is gone. Notes that it was used, either way."""
    found = AccountToken.objects.filter(account_id=account_id, purpose=purpose, version=version).first()
    if found is None:
        return None
    now = timezone.now()
    if found.used_at is None or now - found.used_at > USE_NOTED_EVERY:
        AccountToken.objects.filter(pk=found.pk).update(used_at=now)
    return None if found.retired_at and found.retired_at <= now else found


def current(account_id: int, purpose: Purpose) -> AccountToken:
    """The version in use; the first one is made when it is first asked for."""
    in_use = AccountToken.objects.filter(account_id=account_id, purpose=purpose, retired_at=None)
    found = in_use.first()
    if found is not None:
        return found
    try:
        with transaction.atomic():
            return AccountToken.objects.create(account_id=account_id, purpose=purpose)
    except IntegrityError:  # made by another page at the same moment
        return in_use.get()


def rotate(
    account_id: int, purpose: Purpose, *, by: Actor, grace: timedelta = GRACE, with_password: bool = False
) -> AccountToken:
    """Make the next version and retire the one in use after `grace`. A password is for static streams only."""
    current(account_id, purpose)
    with transaction.atomic():
        ExotelAccount.objects.select_for_update(no_key=True).only("pk").get(pk=account_id)  # two clicks take turns
        old = AccountToken.objects.get(account_id=account_id, purpose=purpose, retired_at=None)
        old.retired_at = timezone.now() + grace
        old.save(update_fields=["retired_at"])
        made = AccountToken.objects.create(
            account_id=account_id,
            purpose=purpose,
            version=old.version + 1,
            password=secrets.token_urlsafe(18) if with_password and purpose == "static-stream" else "",
        )
        hours = round(grace.total_seconds() / 3600, 1)
        audit.record(by, "rotate token", f"account:{account_id}", purpose=purpose, version=made.version, hours=hours)
    return made


@dataclass(frozen=True)
class FlowAddress:
    """An address to be pasted into a flow, and the token in it. `key` is short and stable."""

    key: str
    purpose: Purpose
    address: str = field(repr=False)
    token: AccountToken


def addresses_of(account: ExotelAccount) -> list[FlowAddress]:
    """Every address that the account's flows may need, with the tokens in use."""
    passthru, dynamic, static = (current(account.pk, purpose) for purpose in PURPOSES)
    name = USER_NAME if static.password else ""
    return [
        FlowAddress("passthru", "passthru", addresses.passthru(text(passthru)), passthru),
        FlowAddress("passthru-async", "passthru", addresses.passthru(text(passthru), always_a=True), passthru),
        FlowAddress("dynamic-stream", "dynamic-stream", addresses.dynamic_stream(text(dynamic)), dynamic),
        FlowAddress(
            "static-stream", "static-stream", addresses.static_stream(text(static), name, static.password), static
        ),
    ]
