"""What every page costs the server with a million contacts and a million call attempts: milliseconds and queries.

`make bench ARGS="pages --people 100000"` for a smaller crowd. The clock is around Django's test client, in this
process: middleware, view, database and template, without the network. Rows over the limit of 100 ms are marked.
"""

import asyncio
import os
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import connection
from django.test import Client
from django.utils import timezone

from bench import crowd
from bench.crowd import Crowd
from bench.table import Row
from campaigns.lifecycle import ContactState
from campaigns.models import CampaignContact
from campaigns.views.live import FRAGMENTS

PEOPLE = int(os.environ.get("BENCH_PEOPLE", "1000000"))
LIMIT_MS = 100


@dataclass
class Visit:
    """A page: its address, and whether htmx asks for it; with `post`, a button on one."""

    name: str
    address: str
    htmx: bool = False
    post: bool = False
    data: Mapping[str, Any] = field(default_factory=dict)
    runs: list[float] = field(default_factory=list)
    queries: int = 0
    status: int = 0

    @property
    def median(self) -> float:
        return statistics.median(self.runs)


def measure(runs: int) -> list[Row]:
    """The rows of the part: each page's milliseconds, its queries in its name."""
    visits = visit_all(crowd.make(PEOPLE), repeats=max(runs, 3))
    return [
        Row(f"{visit.name} ({visit.queries} queries){' OVER' * (visit.median > LIMIT_MS)}", "ms", visit.runs)
        for visit in visits
    ]


def visit_all(world: Crowd, repeats: int) -> list[Visit]:
    """Every page, each once to warm up and then `repeats` times."""
    client = Client(SERVER_NAME="127.0.0.1")
    client.force_login(world.user, backend="django.contrib.auth.backends.ModelBackend")
    found = list(pages(world))
    for visit in found:
        for _ in range(repeats + 1):
            _visit(client, visit)
        del visit.runs[0]
    return [*found, *_acts(client, world, repeats)]


def _acts(client: Client, world: Crowd, repeats: int) -> list[Visit]:
    """The buttons of a campaign with everybody in it; it is stopped in the end, which can be done but once."""
    campaign = f"/campaigns/{world.campaign}/"
    pause, resume = Visit("pause it", f"{campaign}pause", post=True), Visit("resume it", f"{campaign}resume", post=True)
    for _ in range(repeats):
        _visit(client, pause)
        _visit(client, resume)
    launch = Visit("launch the draft", f"/campaigns/{world.draft}/launch", post=True)
    stop = Visit("stop it", f"{campaign}stop", post=True)
    _visit(client, launch)
    _visit(client, stop)
    return [pause, resume, launch, stop]


def _visit(client: Client, visit: Visit) -> None:
    counter = _Counter()
    headers = {"HX-Request": "true"} if visit.htmx else {}
    with connection.execute_wrapper(counter):
        began = time.perf_counter()
        ask = client.post if visit.post else client.get
        response = ask(visit.address, visit.data, headers=headers)
        if response.streaming:
            _first_piece(response)
        visit.runs.append((time.perf_counter() - began) * 1000)
    visit.queries, visit.status = counter.count, response.status_code
    response.close()


def _first_piece(response: Any) -> None:
    """What the browser waits for; the rest comes a piece at a time and costs nobody a thread."""
    if not response.is_async:
        next(iter(response))
        return
    asyncio.run(anext(aiter(response)))


class _Counter:
    """Counts the queries of one request."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, execute: Callable[..., Any], *call: Any) -> Any:
        self.count += 1
        return execute(*call)


def pages(world: Crowd) -> Iterator[Visit]:
    """Every address of campaigns.urls that is read, as a page and as each of its fragments."""
    yield Visit("overview", "/")
    yield Visit("overview, fragment", "/", htmx=True)
    yield Visit("account pulse", "/fragments/account-pulse", htmx=True)
    yield Visit("health", "/health")
    yield Visit("settings", "/settings/")
    yield Visit("doctor", "/settings/doctor")
    yield Visit("users", "/settings/users")
    yield Visit("audit", "/settings/audit")
    yield Visit("flow addresses", "/settings/flow-addresses")
    yield Visit("an account", f"/settings/accounts/{world.account}/")
    yield from _campaign_pages(world)
    yield from _list_pages(world)
    yield from _call_pages(world)
    yield from _do_not_call()


def _campaign_pages(world: Crowd) -> Iterator[Visit]:
    campaign = f"/campaigns/{world.campaign}/"
    yield Visit("campaigns", "/campaigns/")
    yield Visit("campaigns, page 2", "/campaigns/", data={"page": "2"})
    yield Visit("new campaign", "/campaigns/new")
    yield Visit("rewrite a draft", f"/campaigns/{world.draft}/edit")
    for step in ("what", "when"):
        yield Visit(f"rewrite a draft, {step}", f"/campaigns/{world.draft}/edit/{step}")
    yield Visit("review of two lists", f"/campaigns/{world.draft}/")
    yield Visit("live campaign", campaign)
    for part in FRAGMENTS:
        yield Visit(f"live campaign, {part}", campaign, htmx=True, data={"part": part})
    yield Visit("stop a campaign", f"{campaign}stop")
    yield Visit("history of a campaign", f"{campaign}history")
    yield Visit("plan of a campaign", f"{campaign}plan")
    yield Visit("people of a campaign", f"{campaign}contacts")
    in_line = CampaignContact.objects.filter(campaign_id=world.campaign, state=ContactState.PENDING)
    yield Visit(
        "why not called", f"{campaign}contacts", data={"why": in_line.order_by("-pk").values_list("pk", flat=True)[0]}
    )
    middle = {"after": str(PEOPLE // 2)}
    yield Visit("people, in the middle", f"{campaign}contacts", data=middle)
    for state in ("retry", "uncertain", "skipped", "in-call"):
        yield Visit(f"people, {state}", f"{campaign}contacts", data={"state": state})
    for what, search in (("last digits", "4321"), ("a number", "7000900001"), ("nobody's digits", "98765432"),
                         ("a name", "Kavita 9"), ("nobody's name", "Zzyzx")):  # fmt: skip
        yield Visit(f"people, {what}", f"{campaign}contacts", data={"q": search})


def _list_pages(world: Crowd) -> Iterator[Visit]:
    yield Visit("lists", "/lists/")
    yield Visit("upload", "/lists/upload")
    yield Visit("a list", f"/lists/{world.contact_list}/")
    yield Visit("a short list behind a long one", f"/lists/{world.other_list}/")
    yield Visit("a list, in the middle", f"/lists/{world.contact_list}/", data={"after": str(PEOPLE // 2)})
    yield Visit("an import's report", f"/imports/{world.contact_import}/")
    yield Visit("an import's report, fragment", f"/imports/{world.contact_import}/", htmx=True)
    yield Visit("rejected rows, first piece", f"/imports/{world.contact_import}/rejects.csv")


def _call_pages(world: Crowd) -> Iterator[Visit]:
    today = timezone.localdate()
    yield Visit("calls", "/calls/")
    yield Visit("calls, rows", "/calls/", htmx=True)
    filters: Mapping[str, Mapping[str, Any]] = {
        "answered": {"outcome": "answered"},
        "refused": {"outcome": "refused"},
        "unknown": {"outcome": "unknown"},
        "cancelled (none)": {"outcome": "cancelled"},
        "open": {"outcome": "open"},
        "of a campaign": {"campaign": world.campaign},
        "of a draft": {"campaign": world.draft},
        "of a campaign, cancelled (none)": {"campaign": world.campaign, "outcome": "cancelled"},
        "of a campaign, busy": {"campaign": world.campaign, "outcome": "busy"},
        "today": {"from": today, "to": today},
        "a week": {"from": today - timedelta(days=8), "to": today - timedelta(days=1)},
        "a week, failed": {"from": today - timedelta(days=8), "to": today - timedelta(days=1), "outcome": "failed"},
        "a year ago": {"from": today - timedelta(days=400), "to": today - timedelta(days=365)},
        "last digits": {"number": "4321"},
        "last digits, busy": {"number": "4321", "outcome": "busy"},
        "nobody's digits": {"number": "98765432"},
        "one digit": {"number": "7"},
    }
    for what, query in filters.items():
        yield Visit(f"calls, {what}", "/calls/", htmx=True, data=query)
    yield Visit("calls, export, first piece", "/calls/export")
    yield Visit("a call", f"/calls/{world.call}/")
    yield Visit("somebody who was called", f"/contacts/of-call/{world.call}/")
    yield Visit("find somebody", "/contacts/find")
    yield Visit("find a number", "/contacts/find", post=True, data={"number": "+917000000007"})
    yield Visit("recordings that are missing", "/calls/recordings-missing")


def _do_not_call() -> Iterator[Visit]:
    yield Visit("do-not-call", "/do-not-call/")
    for what, search in (("last digits", "4321"), ("a number", "8000000777"), ("nobody's digits", "98765432"),
                         ("a reason", "asked"), ("nobody's reason", "zzyzx")):  # fmt: skip
        yield Visit(f"do-not-call, {what}", "/do-not-call/", data={"q": search})
