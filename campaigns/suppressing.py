"""The do-not-call list: whoever stands on it is not called, from the moment of the commit."""

from collections.abc import Iterable

from django.db import transaction

from campaigns import audit
from campaigns.audit import Actor
from campaigns.importing import phones
from campaigns.importing.phones import Phone, Rejected
from campaigns.models import Pacer, Suppression
from campaigns.refusals import NotAllowed


def read_numbers(texts: Iterable[str], region: str) -> list[str]:
    """Numbers as people write them, in E.164. Raises NotAllowed naming each that cannot be read; none is taken then."""
    texts = list(texts)
    found = [phones.normalise(text, region) for text in texts]
    wrong = [f"“{text}”: {one.reason}" for text, one in zip(texts, found, strict=True) if isinstance(one, Rejected)]
    if wrong:
        raise NotAllowed(*wrong)
    return [one.e164 for one in found if isinstance(one, Phone)]


def suppress(phones: Iterable[str], *, reason: str, by: Actor, source: str = "operator") -> int:
    """Add numbers (E.164); returns how many were new. After the commit no intent for them can be granted.

    Takes the pacers' locks first, as every intent does: an intent that is being written is either seen to its end
    before this commits, or sees the suppression.
    """
    reason = reason[:200]
    rows = [Suppression(phone=phone, reason=reason, source=source, added_by=by.user) for phone in sorted(set(phones))]
    with transaction.atomic():
        list(Pacer.objects.select_for_update().order_by("pk").values_list("pk"))
        before = Suppression.objects.filter(phone__in=[row.phone for row in rows]).count()
        Suppression.objects.bulk_create(rows, ignore_conflicts=True)
        added = len(rows) - before
        audit.record(by, "suppress", "do-not-call", added=added, reason=reason, source=source)
    return added


def unsuppress(phones: Iterable[str], *, by: Actor) -> int:
    """Take numbers off the list; returns how many stood on it."""
    with transaction.atomic():
        removed, _ = Suppression.objects.filter(phone__in=set(phones)).delete()
        audit.record(by, "unsuppress", "do-not-call", removed=removed)
    return removed
