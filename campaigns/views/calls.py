"""The call log: filtered by its address, paged by key, exported as it is filtered."""

from collections.abc import Iterable, Iterator, Sequence

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from campaigns import audit, progress, spreadsheets, tallies
from campaigns.audit import Actor
from campaigns.forms.calls import CallFilter
from campaigns.lifecycle import AttemptState
from campaigns.models import CallAttempt, Campaign, ContactList, ExotelAccount
from campaigns.templatetags.dialer import call_state, display_zone, phone, state_label
from campaigns.views import call_rows
from campaigns.views.call_filters import only_filter, saved
from campaigns.views.context import default_account
from campaigns.views.downloads import csv_answer
from campaigns.views.paging import MOST_COUNTED, Some, below, key_of, page, read_key

LEGEND = ("in-call", "answered", "no-answer", "busy", "failed", "cancelled", "refused", "unknown")
OPEN = {AttemptState.DIALING, AttemptState.PLACED, AttemptState.ANSWERED}
EXPORT_CHUNK = 1000
EXPORT_COLUMNS = (
    "Time",
    "Campaign",
    "Name",
    "Number (with country code)",
    "Try",
    "Outcome",
    "Provisional",
    "Disposition",
    "Key",
    "Talk (s)",
    "Price",
    "Reason",
    "CallSid",
)


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """The log; for htmx only the rows."""
    account = default_account()
    filtered = CallFilter(request.GET, _campaigns(account))
    calls = filtered.apply(_calls(account))
    counts, every = _counts(filtered, calls, account)
    found = page(calls.select_related("campaign_contact", "campaign"), "intent_at", request.GET)
    context = {
        "filter": filtered,
        "page": found,
        "rows": call_rows.rows(found.rows),
        "moment": timezone.now(),
        "counts": [(state, counts[state]) for state in LEGEND if counts.get(state)],
        "total": Some(sum(counts.values()), exact=every),
        "query": _query(request.GET),
        "saved": saved(request),
        "filter_query": only_filter(request.GET),
    }
    return render(request, "calls/_rows.html" if request.htmx else "calls/index.html", context)  # type: ignore[attr-defined]


def _calls(account: ExotelAccount | None) -> QuerySet[CallAttempt]:
    """Calls of campaigns, real or simulated, never both: their figures do not mix."""
    return CallAttempt.objects.filter(campaign__is_test=False, account_kind=account.kind if account else "")


def _campaigns(account: ExotelAccount | None) -> QuerySet[Campaign]:
    kind = account.kind if account else ""
    return Campaign.objects.filter(is_test=False, account__kind=kind).order_by("-created_at", "-pk")[:200]


def _counts(
    filtered: CallFilter, calls: QuerySet[CallAttempt], account: ExotelAccount | None
) -> tuple[dict[str, int], bool]:
    """How many calls by the state that they are shown in, and whether these are all: else of the newest ones."""
    if filtered.tallied:
        wanted = filtered.cleaned_data.get("campaign")
        every = Campaign.objects.filter(is_test=False, account__kind=account.kind if account else "")
        ids = [int(wanted)] if wanted else every.values_list("pk", flat=True)
        rows = list(progress.attempts_in(tallies.together(ids)))
        return _by_shown_state(row for row in rows if filtered.has(*row[:2])), True
    newest = calls.order_by("-intent_at", "-pk").values_list("state", "outcome")[: MOST_COUNTED + 1]
    found = [(state, outcome, 1) for state, outcome in newest]
    return _by_shown_state(found[:MOST_COUNTED]), len(found) <= MOST_COUNTED


def _by_shown_state(rows: Iterable[tuple[str, str, int]]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for state, outcome, count in rows:
        shown = outcome or ("in-call" if state in OPEN else state)
        counts[shown] = counts.get(shown, 0) + count
    return counts


def _query(query: QueryDict) -> list[tuple[str, str]]:
    """The filter as hidden fields of the export's form."""
    return [(name, str(query[name])) for name in query if name not in ("after", "csrfmiddlewaretoken")]


# ----------------------------------------------------------------------------------------------------------- export
@require_http_methods(["GET", "POST"])
def export(request: HttpRequest) -> StreamingHttpResponse:
    """What is filtered, as CSV. A GET hides the numbers; a POST shows them and is audited."""
    account = default_account()
    in_full = request.method == "POST"
    filtered = CallFilter(request.POST if in_full else request.GET, _campaigns(account))
    calls, columns = filtered.apply(_calls(account)), _list_columns(filtered, account)
    if in_full:
        audit.record(Actor.of(request.user), "export numbers", "calls", filter=dict(_query(request.POST)))
    name = f"calls-{timezone.now().astimezone(display_zone()):%Y-%m-%d-%H%M}.csv"
    return csv_answer(request, _csv(calls, columns, in_full=in_full), name)


def _list_columns(filtered: CallFilter, account: ExotelAccount | None) -> list[str]:
    """The columns of the lists whose people may stand in the export, each once."""
    wanted = filtered.cleaned_data.get("campaign")
    campaigns = Campaign.objects.filter(is_test=False, account__kind=account.kind if account else "")
    lists = ContactList.objects.filter(campaigns__in=campaigns.filter(pk=int(wanted)) if wanted else campaigns)
    rows = lists.order_by("pk").distinct().values_list("pk", "columns")
    return list(dict.fromkeys(name for _, columns in rows for name in columns))


def _csv(calls: QuerySet[CallAttempt], columns: Sequence[str], *, in_full: bool) -> Iterator[str]:
    """Pages by key, each in a short transaction of its own.

    The list's own columns stand behind ours; one that has the name of ours is told apart.
    """
    names = [f"{name} (of the list)" if name in EXPORT_COLUMNS else name for name in columns]
    yield spreadsheets.BOM + spreadsheets.written([[*EXPORT_COLUMNS, *names]])
    key = ""
    while chunk := _chunk(calls, key):
        rows = ([*_cells(call, in_full=in_full), *_of_list(call, columns, in_full=in_full)] for call in chunk)
        yield spreadsheets.written(rows)
        key = key_of(chunk[-1].intent_at, chunk[-1].pk)


def _chunk(calls: QuerySet[CallAttempt], key: str) -> list[CallAttempt]:
    rows = below(calls.select_related("campaign", "campaign_contact"), "intent_at", read_key(key))
    return list(rows.order_by("-intent_at", "-pk")[:EXPORT_CHUNK])


def _cells(call: CallAttempt, *, in_full: bool) -> Sequence[object]:
    return (
        call.intent_at.astimezone(display_zone()).isoformat(sep=" ", timespec="seconds"),
        call.campaign.name,
        call.campaign_contact.name,
        (call.phone if in_full else phone(call.phone)).removeprefix("+"),
        call.ordinal,
        state_label(call_state(call)),
        "yes" if call.state == AttemptState.ENDED and not call.confirmed_at else "",
        call.disposition,
        call.disposition_details.get("key", ""),
        "" if call.talk_seconds is None else call.talk_seconds,
        "" if call.price is None else call.price,
        call.reason,
        call.sid or "",
    )


def _of_list(call: CallAttempt, columns: Sequence[str], *, in_full: bool) -> list[str]:
    """What the person's list says of them, as at enrolment; their own number is masked there, too."""
    given = call.campaign_contact.variables
    values = [str(given.get(name, "")) for name in columns]
    digits = call.phone.lstrip("+")[-10:]
    return values if in_full else [value.replace(digits, f"••{digits[-2:]}") for value in values]
