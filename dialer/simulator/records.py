"""Which calls a list request means (fact sheet, section 5): filters, order, pages."""

import re
from collections.abc import Callable, Sequence
from urllib.parse import urlencode

from dialer.simulator.calls import Call
from dialer.simulator.documents import Fields
from dialer.simulator.identity import national, read_stamp
from dialer.simulator.orders import Invalid

DEFAULT_PAGE, LARGEST_PAGE = 50, 100
Wanted = Callable[[Call], bool]


def page_of(calls: Sequence[Call], query: dict[str, str], path: str) -> tuple[list[Call], Fields]:
    """One page of the calls a query asks for, and its Metadata. Raises Invalid."""
    found = [call for call in calls if all(wanted(call) for wanted in _filters(query))]
    descending = _descending(query.get("SortBy", "DateCreated:desc"))
    found.sort(key=lambda call: (call.received_at, call.sid), reverse=descending)
    size = _page_size(query)
    first = _first(found, query, size)
    page = found[first : first + size]
    metadata = {
        "Total": len(found),
        "PageSize": size,
        "FirstPageUri": _uri(path, query, {}),
        "PrevPageUri": _uri(path, query, {"Before": page[0].sid}) if first and page else None,
        "NextPageUri": _uri(path, query, {"After": page[-1].sid}) if first + size < len(found) else None,
    }
    return page, metadata


def _filters(query: dict[str, str]) -> list[Wanted]:
    wanted: list[Wanted] = []
    if "Sid" in query:
        sids = _several(query["Sid"], "Sid", 100)
        wanted.append(lambda call: call.sid in sids)
    if "From" in query:
        callers = _numbers(query["From"], "From")
        wanted.append(lambda call: call.order.customer in callers)
    if "To" in query:
        called = _numbers(query["To"], "To")
        wanted.append(lambda call: (call.order.to or call.order.customer) in called)
    if "PhoneNumber" in query:
        exophones = _numbers(query["PhoneNumber"], "PhoneNumber")
        wanted.append(lambda call: call.order.exophone in exophones)
    if "Status" in query:
        statuses = _several(query["Status"], "Status", 10)
        wanted.append(lambda call: call.status in statuses)
    if "Direction" in query:
        directions = _several(query["Direction"], "Direction", 5)
        wanted.append(lambda call: "outbound-api" in directions)
    for bound in filter(None, query.get("DateCreated", "").split(";")):
        wanted.append(_created(bound))
    return wanted


def _created(bound: str) -> Wanted:
    """Stamps have whole seconds, so the bounds do."""
    match = re.fullmatch(r"(gte|gt|lte|lt):(.+)", bound)
    try:
        at = read_stamp(match.group(2)) if match else read_stamp(bound)
    except ValueError:
        raise Invalid(
            f"Invalid DateCreated: {bound}. The format is gte:YYYY-MM-DD HH:MM:SS;lte:YYYY-MM-DD HH:MM:SS"
        ) from None
    comparisons: dict[str, Wanted] = {
        "gte": lambda call: int(call.received_at) >= at,
        "gt": lambda call: int(call.received_at) > at,
        "lte": lambda call: int(call.received_at) <= at,
        "lt": lambda call: int(call.received_at) < at,
    }
    return comparisons[match.group(1) if match else "gte"]


def _descending(order: str) -> bool:
    match = re.fullmatch(r"DateCreated(?::(asc|desc))?", order)
    if not match:
        raise Invalid(f"Invalid SortBy: {order}")
    return match.group(1) == "desc"


def _page_size(query: dict[str, str]) -> int:
    text = query.get("PageSize", str(DEFAULT_PAGE))
    if not re.fullmatch(r"[0-9]{1,3}", text) or not 1 <= int(text) <= LARGEST_PAGE:
        raise Invalid(f"Invalid PageSize: it must be between 1 and {LARGEST_PAGE}")
    return int(text)


def _first(found: Sequence[Call], query: dict[str, str], size: int) -> int:
    """The place of the page's first call; cursors are sids."""
    places = {call.sid: place for place, call in enumerate(found)}
    for name in ("After", "Before"):
        if name in query and query[name] not in places:
            raise Invalid(f"Invalid {name}: {query[name]}")
    if "After" in query:
        return places[query["After"]] + 1
    return max(0, places[query["Before"]] - size) if "Before" in query else 0


def _uri(path: str, query: dict[str, str], cursor: dict[str, str]) -> str:
    kept = {name: value for name, value in query.items() if name not in {"Before", "After"}}
    asked = urlencode(kept | cursor)
    return f"{path}?{asked}" if asked else path


def _several(text: str, name: str, most: int) -> set[str]:
    parts = {part.strip() for part in text.split(",") if part.strip()}
    if not parts or len(parts) > most:
        raise Invalid(f"Invalid {name}: between 1 and {most} values are allowed")
    return parts


def _numbers(text: str, name: str) -> set[str | None]:
    # A plus sign that was not percent-encoded arrives as a space.
    return {national(part) for part in _several(text, name, 5)}
