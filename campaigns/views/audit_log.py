"""The audit: who did what to which thing, newest first, filtered by its address."""

from dataclasses import dataclass

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from campaigns.models import AuditEntry
from campaigns.templatetags.dialer import without_numbers

SIZE = 50
PAGES = {
    "campaign": "campaign",
    "call": "call",
    "list": "list",
    "contact": "contact",
    "enrolment": "contact-in-campaign",
}
PLACES = {"do-not-call": "do-not-call", "calls": "calls", "account": "settings", "user": "users"}


@dataclass(frozen=True)
class Line:
    """An entry with where it leads ('' nowhere) and its details in one line."""

    entry: AuditEntry
    link: str
    details: str


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """Filtered by action, by part of the name of whoever acted, and by subject (campaign:12)."""
    found = _filtered(request.GET)
    before = request.GET.get("before", "")
    given = int(before) if before.isdecimal() and len(before) < 19 else 0
    rows = list((found.filter(pk__lt=given) if given else found).order_by("-pk")[: SIZE + 1])
    context = {
        "lines": [_line(entry) for entry in rows[:SIZE]],
        "older": _older(request.GET, rows),
        "newest": bool(given),
        "actions": AuditEntry.objects.order_by("action").values_list("action", flat=True).distinct(),
        "wanted": {name: request.GET.get(name, "") for name in ("action", "who", "subject")},
        "tab": "audit",
    }
    return render(request, "settings/audit.html", context)


def _filtered(query: QueryDict) -> QuerySet[AuditEntry]:
    action, who, subject = (str(query.get(name, "")).strip() for name in ("action", "who", "subject"))
    rows = AuditEntry.objects.all()
    rows = rows.filter(action=action) if action else rows
    rows = rows.filter(actor_name__icontains=who) if who else rows
    return rows.filter(subject=subject) if subject else rows


def _older(query: QueryDict, rows: list[AuditEntry]) -> str:
    if len(rows) <= SIZE:
        return ""
    changed = query.copy()
    changed["before"] = str(rows[SIZE - 1].pk)
    return changed.urlencode()


def _line(entry: AuditEntry) -> Line:
    told = ", ".join(f"{name.replace('_', ' ')}: {_short(value)}" for name, value in entry.details.items() if value)
    return Line(entry, _link(entry.subject), without_numbers(told))


def _short(value: object) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return f"{text[:120]}…" if len(text) > 120 else text


def _link(subject: str) -> str:
    kind, _, pk = subject.partition(":")
    if kind in PAGES and pk.isdecimal():
        return reverse(PAGES[kind], args=[int(pk)])
    return reverse(PLACES[kind]) if kind in PLACES else ""
