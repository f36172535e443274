"""Paging by key: the next page begins after the last row shown, whatever was added meanwhile."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

from django.db.models import Model, Q, QuerySet
from django.http import QueryDict

Row = TypeVar("Row", bound=Model)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Rows and the query strings (without `?`) of the pages around; '' where there is none."""

    rows: list[Row]
    older: str
    newest: str


def page(rows: QuerySet[Row], field: str, query: QueryDict, size: int = 50) -> Page[Row]:
    """Newest first by `field` and id; `after` in the query is the last row of the page before."""
    after = read_key(query.get("after", ""))
    found = list(below(rows, field, after).order_by(f"-{field}", "-pk")[: size + 1])
    more = len(found) > size
    shown = found[:size]
    return Page(
        rows=shown,
        older=_with(query, after=key_of(getattr(shown[-1], field), shown[-1].pk)) if more else "",
        newest=_with(query, after=None) if after else "",
    )


def page_by_id(rows: QuerySet[Row], query: QueryDict, size: int = 50) -> Page[Row]:
    """Oldest first, by id alone; `older` is then the next page and `newest` the first."""
    after = query.get("after", "")
    given = int(after) if after.isdecimal() and len(after) < 19 else 0
    found = list(rows.filter(pk__gt=given).order_by("pk")[: size + 1])
    shown = found[:size]
    return Page(
        rows=shown,
        older=_with(query, after=str(shown[-1].pk)) if len(found) > size else "",
        newest=_with(query, after=None) if given else "",
    )


def below(rows: QuerySet[Row], field: str, after: tuple[datetime, int] | None) -> QuerySet[Row]:
    """The rows after a key. Both halves are written out so that the index on (-field, -id) is walked."""
    if after is None:
        return rows
    moment, pk = after
    at_or_before: dict[str, Any] = {f"{field}__lte": moment}
    return rows.filter(**at_or_before).filter(Q(**{f"{field}__lt": moment}) | Q(pk__lt=pk))


def key_of(moment: datetime, pk: int) -> str:
    return f"{(moment - _EPOCH) // timedelta(microseconds=1)}-{pk}"


def read_key(text: str) -> tuple[datetime, int] | None:
    """A key from an address; None when there is none or it is not one of ours."""
    moment, _, pk = text.partition("-")
    try:
        return _EPOCH + timedelta(microseconds=int(moment)), min(int(pk), 2**63 - 1)
    except (ValueError, OverflowError):
        return None


def _with(query: QueryDict, **changes: str | None) -> str:
    """The query string with these parameters set, or dropped where None; never empty, so that it stays a link."""
    changed = query.copy()
    for name, value in changes.items():
        changed.pop(name, None)
        if value is not None:
            changed[name] = value
    return changed.urlencode() or "after="
