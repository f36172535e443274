"""Conditions in an operator's words: "city is Pune", "amount over 5,000", "answered in Diwali reminders"."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation

from campaigns.filters.conditions import PERSON, RANGES, Condition, words_of
from campaigns.models import Campaign

_NUMBERS = ("eq", "ne", "lt", "le", "gt", "ge", "between")
_DATES = ("on", "not-on", "before", "after", "until", "since", "within")
_LABELS = {field.code: field.label.lower() for field in PERSON}
TO = " to "  # between the ends of a range


def describe(condition: Condition, names: Mapping[int, str] | None = None) -> str:
    """`names` of campaigns by id; without them the one it asks about is looked up."""
    op = words_of(condition)
    if pk := condition.campaign_id:
        known = names_of([condition]) if names is None else names
        return f"{op.words} {known.get(pk, f'campaign {pk}, which is gone')}"
    about = condition.variable or _LABELS.get(condition.field, condition.field)
    return f"{about} {op.words} {said(condition)}".rstrip()


def describe_all(conditions: Sequence[Condition]) -> list[str]:
    """Each in words; one query if any asks about a campaign."""
    names = names_of(conditions)
    return [describe(one, names) for one in conditions]


def together(conditions: Sequence[Condition]) -> str:
    """All in one phrase; '' if there is none."""
    return " and ".join(describe_all(conditions))


def names_of(conditions: Iterable[Condition]) -> dict[int, str]:
    """The names of the campaigns that are asked about, by id."""
    asked = {one.campaign_id for one in conditions} - {0}
    return dict(Campaign.objects.filter(pk__in=asked).values_list("pk", "name")) if asked else {}


def said(condition: Condition) -> str:
    """The value as people write it: 5,000, or 5 March 2026."""
    ends = condition.value.split(TO) if condition.op in RANGES else [condition.value]
    if condition.op in _NUMBERS:
        return TO.join(map(_number, ends))
    return TO.join(map(_day, ends)) if condition.op in _DATES else condition.value


def _number(plain: str) -> str:
    try:
        return f"{Decimal(plain):,f}"
    except InvalidOperation:
        return plain


def _day(plain: str) -> str:
    try:
        day = date.fromisoformat(plain)
    except ValueError:
        return plain
    return f"{day.day} {day:%B} {day.year}"
