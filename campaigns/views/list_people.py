"""One list: who is on it, found by any column, sorted, exported, and taken off the phone for good."""

from dataclasses import dataclass

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from campaigns import audiences, audit, filters, suppressing, tallies
from campaigns.audit import Actor
from campaigns.forms.contact import WhyForm
from campaigns.importing import exporting, phones
from campaigns.importing.values import DATE, NUMBER
from campaigns.lifecycle import LIVE_CAMPAIGNS
from campaigns.models import Contact, ContactList
from campaigns.templatetags.dialer import display_zone, plural
from campaigns.views import audience, people_filter
from campaigns.views.downloads import csv_answer
from campaigns.views.paging import Page, Some, page_by_id
from campaigns.views.people_filter import Filtered

COLUMNS_SHOWN = 5
A_PAGE = 50
MOST_SORTED = 100_000  # people of a list: no index is in the order of their columns


@dataclass(frozen=True)
class Heading:
    """Of a column of the table: where a press leads, and in which direction it is sorted now ('' if it is not)."""

    label: str
    query: str
    sorted: str
    number: bool = False


@require_GET
def show(request: HttpRequest, list_id: int) -> HttpResponse:
    """One list: its people with masked numbers, and the files they came from. The address says who is shown."""
    contact_list = get_object_or_404(ContactList, pk=list_id)
    filtered = people_filter.read(request.GET, contact_list)
    if _has_blanks(request.GET):
        return redirect(f"{request.path}?{filtered.query()}")
    sizes = tallies.people_on([list_id])
    total = sizes[list_id]
    columns = _columns_shown(filtered)
    page = _page(filtered, request.GET, total)
    context = {
        "contact_list": contact_list,
        "region": phones.region_name(contact_list.region),
        "total": total,
        "suppressed": audience.on_do_not_call([list_id], sizes),
        "columns": columns,
        "page": page,
        "people": [(each, _cells(each, filtered, columns)) for each in page.rows],
        "imports": contact_list.imports.select_related("created_by").order_by("-pk")[:20],
        "filtered": filtered,
        "matching": _matching(filtered, total),
        "fields": people_filter.field_choices(contact_list),
        "ops": people_filter.op_choices(),
        "form_rows": people_filter.form_rows(filtered),
        "sorts": people_filter.sort_choices(contact_list) if total <= MOST_SORTED else [],
        "unsorted": filtered.query(""),
        "headings": _headings(filtered, columns, total),
        "most_sorted": MOST_SORTED,
    }
    return render(request, "lists/show.html", context, status=400 if filtered.problems else 200)


def _has_blanks(query: QueryDict) -> bool:
    """Whether the form gave fields that nobody filled in. A row with a value, but without a field, is to be mended."""
    rows = len(filters.rows_of(query, blank=True)) - len(filters.rows_of(query))
    return rows > 0 or any("" in query.getlist(name) for name in ("q", "sort"))


def _cells(contact: Contact, filtered: Filtered, columns: list[str]) -> list[tuple[str, bool]]:
    """(cell, whether its column is of numbers)"""
    types = filtered.contact_list.types
    return [(contact.variables.get(name, ""), types.get(name) == NUMBER) for name in columns]


def _columns_shown(filtered: Filtered) -> list[str]:
    """The first ones, and whichever else is asked about."""
    known = filtered.contact_list.columns
    asked = [one.variable for one in filtered.conditions if one.variable]
    sorted_by = filtered.sort.removeprefix("-").removeprefix("var:")
    wanted = dict.fromkeys([*known[:COLUMNS_SHOWN], *asked, *([sorted_by] if sorted_by in known else [])])
    return list(wanted)


def _page(filtered: Filtered, query: QueryDict, total: int) -> Page[Contact]:
    if filtered.problems:
        return Page([], "", "")
    people = filtered.people()
    if filtered.sort and total <= MOST_SORTED:
        return _sorted_page(people_filter.in_order(people, filtered), filtered, query)
    of_list = {"contact_list_id": filtered.contact_list.pk}
    return page_by_id(people, of_list, query, A_PAGE, searched=bool(filtered.conditions))


def _sorted_page(people: QuerySet[Contact], filtered: Filtered, query: QueryDict) -> Page[Contact]:
    """By its place: the list is short enough to be sorted for each page."""
    given = query.get("page", "")
    place = int(given) if given.isdecimal() and len(given) < 6 else 0
    found = list(people[place * A_PAGE : (place + 1) * A_PAGE + 1])
    same = filtered.query()
    older = f"{same}&page={place + 1}" if len(found) > A_PAGE else ""
    return Page(found[:A_PAGE], older, same if place else "")


def _matching(filtered: Filtered, total: int) -> Some | None:
    """How many people the conditions find; about so many in a long list. None where they cannot be read."""
    if filtered.problems:
        return None
    if not filtered.conditions or total <= MOST_SORTED:
        return Some(filtered.people().count() if filtered.conditions else total)
    found = audiences.matching([filtered.contact_list], filtered.conditions, {filtered.contact_list.pk: total})
    return Some(found.people, exact=found.exact)


def _headings(filtered: Filtered, columns: list[str], total: int) -> list[Heading]:
    types = filtered.contact_list.types
    named = [("name", "Name"), ("phone", "Phone number"), *((f"var:{name}", name) for name in columns)]
    return [_heading(filtered, code, label, types.get(label, ""), total) for code, label in named]


def _heading(filtered: Filtered, code: str, label: str, kind: str, total: int) -> Heading:
    """A second press sorts from the other end; numbers and dates begin with the largest."""
    first = f"-{code}" if kind in (NUMBER, DATE) else code
    other = code if first != code else f"-{code}"
    query = filtered.query(other if filtered.sort == first else first) if total <= MOST_SORTED else ""
    now = {code: "ascending", f"-{code}": "descending"}.get(filtered.sort, "") if total <= MOST_SORTED else ""
    return Heading(label, query, now, number=kind == NUMBER)


# ----------------------------------------------------------------------------------------------------------- export
@require_POST
def export(request: HttpRequest, list_id: int) -> HttpResponseBase:
    """Who is shown, as CSV with the columns of the file and full numbers; audited. The query says who."""
    contact_list = get_object_or_404(ContactList, pk=list_id)
    filtered = people_filter.read(request.GET, contact_list)
    if filtered.problems:
        return _back(request, filtered)
    audit.record(Actor.of(request.user), "export numbers", f"list:{list_id}", filter=filtered.words)
    name = f"{contact_list.name} {timezone.now().astimezone(display_zone()):%Y-%m-%d}.csv"
    return csv_answer(request, exporting.csv_of(filtered.people(), exporting.columns(contact_list)), name)


def _back(request: HttpRequest, filtered: Filtered) -> HttpResponse:
    for said in filtered.problems:
        messages.error(request, said)
    return redirect("list", filtered.contact_list.pk)


# --------------------------------------------------------------------------------------------------------- suppress
class NeverForm(WhyForm):
    """Why nobody shall call them, and how many they were when this was asked."""

    people = forms.IntegerField(widget=forms.HiddenInput, required=False)


@require_http_methods(["GET", "POST"])
def suppress(request: HttpRequest, list_id: int) -> HttpResponse:
    """Whom the query finds goes on the do-not-call list. A GET asks, with their number; a POST that names it does."""
    contact_list = get_object_or_404(ContactList, pk=list_id)
    filtered = people_filter.read(request.GET, contact_list)
    if filtered.problems:
        return _back(request, filtered)
    people = filtered.people().count()
    form = NeverForm(request.POST or None, initial={"people": people})
    if request.method == "POST" and form.is_valid() and people == form.cleaned_data["people"]:
        return _suppress(request, filtered, form.cleaned_data["reason"])
    changed = request.method == "POST" and form.is_valid()
    context = {
        "contact_list": contact_list,
        "filtered": filtered,
        "people": people,
        "form": NeverForm({"people": people, "reason": request.POST.get("reason", "")}) if changed else form,
        "changed": changed,
        "calling": contact_list.campaigns.filter(status__in=LIVE_CAMPAIGNS).order_by("-pk")[:5],
        "action": f"{reverse('list-suppress', args=[list_id])}?{filtered.query()}",
    }
    return render(request, "lists/suppress.html", context, status=400 if request.method == "POST" else 200)


def _suppress(request: HttpRequest, filtered: Filtered, reason: str) -> HttpResponse:
    subject, words = f"list:{filtered.contact_list.pk}", filtered.words
    by = Actor.of(request.user)
    added = suppressing.suppress_people(filtered.people(), reason=reason, by=by, subject=subject, filter=words)
    there = added.people - added.new
    already = f" {plural(there, 'number,numbers')} stood there already." if there else ""
    told = f"Added {plural(added.new, 'number,numbers')} to do-not-call. Nobody calls them from now on.{already}"
    messages.success(request, told)
    return redirect(f"{reverse('list', args=[filtered.contact_list.pk])}?{filtered.query()}")
