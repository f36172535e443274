"""Paging by key: the next page begins after the last row shown, whatever was added meanwhile."""

from collections.abc import Mapping
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
    looked_at: int = 0  # the search ended after so many rows, and `older` looks on; 0: it saw all that there are


@dataclass(frozen=True)
class Some:
    """A count, or, if it is not `exact`, at least so many: counting on would have taken too long."""

    n: int
    exact: bool = True


MOST_COUNTED = 2_000
LOOKED_AT = 25_000  # rows that one page of a search may read where no index can answer


def page(
    rows: QuerySet[Row], field: str, query: QueryDict, size: int = 50, *, among: QuerySet[Row] | None = None
) -> Page[Row]:
    """Newest first by `field` and id; `after` in the query is the last row of the page before.

    `among` is given where no index finds the `rows` of a search: it is read at most LOOKED_AT rows at a time.
    """
    after = read_key(query.get("after", ""))
    edge = _nth(below(among, field, after).order_by(f"-{field}", "-pk"), field) if among is not None else []
    found = list(below(_down_to(rows, field, edge), field, after).order_by(f"-{field}", "-pk")[: size + 1])
    shown = found[:size]
    last = key_of(getattr(shown[-1], field), shown[-1].pk) if len(found) > size else ""
    return _page(query, shown, last, key_of(*edge[0]) if edge else "", later=bool(after))


def page_by_id(
    rows: QuerySet[Row], of: Mapping[str, int], query: QueryDict, size: int = 50, *, searched: bool = False
) -> Page[Row]:
    """Those of `rows` that are `of` one thing ({"campaign_id": 12}), oldest first, by id.

    `older` is then the next page and `newest` the first. `searched`: no index finds the rows of this search; at most
    LOOKED_AT of what they are `of` are read.
    """
    after = query.get("after", "")
    given = int(after) if after.isdecimal() and len(after) < 19 else 0
    every = _of_one(type(rows)(rows.model), of).filter(pk__gt=given)
    edge = _nth(every, "pk") if searched else []
    wanted = _of_one(rows, of).filter(pk__gt=given)
    found = list((wanted.filter(pk__lte=edge[0][1]) if edge else wanted)[: size + 1])
    shown = found[:size]
    last = str(shown[-1].pk) if len(found) > size else ""
    return _page(query, shown, last, str(edge[0][1]) if edge else "", later=bool(given))


def _of_one(rows: QuerySet[Row], of: Mapping[str, int]) -> QuerySet[Row]:
    """In the order of the index on (`of`, id).

    A range of one value, and ordered by it: with "=" the planner drops it from the order, and may then walk over the
    ids of everything else to come to these.
    """
    bounds = {f"{name}__{edge}": value for name, value in of.items() for edge in ("gte", "lte")}
    return rows.filter(**bounds).order_by(*of, "pk")


def _nth(rows: QuerySet[Row], field: str) -> list[tuple[Any, int]]:
    """The last row that a search may look at, as [(field, id)]; [] when it may look at all of them."""
    return list(rows.values_list(field, "pk")[LOOKED_AT - 1 : LOOKED_AT])


def _down_to(rows: QuerySet[Row], field: str, edge: list[tuple[Any, int]]) -> QuerySet[Row]:
    if not edge:
        return rows
    moment, pk = edge[0]
    return rows.filter(**{f"{field}__gte": moment}).filter(Q(**{f"{field}__gt": moment}) | Q(pk__gte=pk))


def _page(query: QueryDict, shown: list[Row], last: str, edge: str, *, later: bool) -> Page[Row]:
    """`last` is the key of the last row shown if more were found, `edge` that of the last one looked at."""
    following = last or edge
    return Page(
        rows=shown,
        older=_with(query, after=following) if following else "",
        newest=_with(query, after=None) if later else "",
        looked_at=LOOKED_AT if edge and not last else 0,
    )


def counted(rows: QuerySet[Row], most: int = MOST_COUNTED) -> Some:
    """How many rows there are, up to `most`."""
    n = rows[: most + 1].count()
    return Some(min(n, most), exact=n <= most)


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
