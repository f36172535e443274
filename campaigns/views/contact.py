"""One person over all lists and campaigns. Numbers stay out of addresses: a person is named by a row that has it."""

from dataclasses import dataclass
from itertools import chain
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from campaigns import audit, suppressing, why_words
from campaigns.audit import Actor
from campaigns.forms.contact import FindForm, WhyForm
from campaigns.models import CallAttempt, Campaign, CampaignContact, Contact, ContactList, Suppression
from campaigns.templatetags.dialer import phone as masked
from campaigns.views.call import of_person
from campaigns.views.context import default_account

MOST = 50  # rows of each card


@dataclass(frozen=True)
class Person:
    """Everything that is known of one number; real and simulated calls never mix."""

    phone: str
    name: str
    entries: list[Contact]
    enrolments: list[CampaignContact]
    calls: list[CallAttempt]
    suppression: Suppression | None
    left_out: list[tuple[Campaign, str]]  # campaigns over their lists that they do not match, and why


@require_http_methods(["GET", "POST"])
def show(request: HttpRequest, contact_id: int) -> HttpResponse:
    """By somebody's row in a list."""
    contact = get_object_or_404(Contact, pk=contact_id)
    return _page(request, contact.phone, f"contact:{contact.pk}")


@require_http_methods(["GET", "POST"])
def of_call(request: HttpRequest, attempt_id: int) -> HttpResponse:
    """By a call to them."""
    call = get_object_or_404(CallAttempt, pk=attempt_id)
    return _page(request, call.phone, f"call:{call.pk}")


@require_http_methods(["GET", "POST"])
def in_campaign(request: HttpRequest, enrolment_id: int) -> HttpResponse:
    """By their place in a campaign."""
    enrolment = get_object_or_404(CampaignContact, pk=enrolment_id)
    return _page(request, enrolment.phone, f"enrolment:{enrolment.pk}")


@require_http_methods(["GET", "POST"])
def find(request: HttpRequest) -> HttpResponse:
    """A number in full leads to its person. It is sent by POST: no number stands in an address or a log."""
    form = FindForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        found = _first_row(form.cleaned_data["number"])
        if found:
            return redirect(*found)
        form.add_error("number", "Nobody with this number is on a list or was ever called.")
    return render(request, "contacts/find.html", {"form": form}, status=400 if form.errors else 200)


def _first_row(phone: str) -> tuple[str, int] | None:
    """The address of a person: (name of the view, id)."""
    contact = entries(phone)[:1]
    if contact:
        return "contact", contact[0].pk
    call = CallAttempt.objects.filter(phone=phone).order_by("-intent_at").values_list("pk", flat=True).first()
    return ("contact-of-call", call) if call else None


def entries(phone: str) -> list[Contact]:
    """Their rows in lists. Asked by list, so that the unique index (list, number) answers."""
    every = list(ContactList.objects.values_list("pk", flat=True))
    rows = Contact.objects.filter(contact_list__in=every, phone=phone).select_related("contact_list", "contact_import")
    return list(rows.order_by("-pk")[:MOST])


def _enrolments(phone: str, kind: str) -> list[CampaignContact]:
    """Their places in campaigns, likewise."""
    every = list(Campaign.objects.filter(account__kind=kind).values_list("pk", flat=True))
    rows = CampaignContact.objects.filter(campaign__in=every, phone=phone).select_related("campaign")
    return list(rows.order_by("-pk")[:MOST])


def person(phone: str) -> Person:
    account = default_account()
    kind = account.kind if account else ""
    on_lists, enrolled = entries(phone), _enrolments(phone, kind)
    return Person(
        phone=phone,
        name=next(filter(None, chain((one.name for one in on_lists), (one.name for one in enrolled))), ""),
        entries=on_lists,
        enrolments=enrolled,
        calls=of_person(phone, kind, MOST),
        suppression=Suppression.objects.select_related("added_by").filter(phone=phone).first(),
        left_out=why_words.left_out(on_lists, [row.campaign_id for row in enrolled], kind),
    )


def _page(request: HttpRequest, phone: str, subject: str) -> HttpResponse:
    """The page; a POST does what its button `act` says: show the number, never call, or call again."""
    by, act = Actor.of(request.user), request.POST.get("act", "")
    form = WhyForm(request.POST if act == "suppress" else None)
    if act == "suppress" and form.is_valid():
        suppressing.suppress([phone], reason=form.cleaned_data["reason"], by=by)
        messages.success(request, f"Nobody calls {masked(phone)} from now on.")
        return redirect(request.path)
    if act == "unsuppress":
        suppressing.unsuppress([phone], by=by)
        messages.success(request, f"{masked(phone)} is off the list. Campaigns launched from now on may call it.")
        return redirect(request.path)
    if act == "show":
        audit.record(by, "show number", subject)
    context: dict[str, Any] = {"person": person(phone), "in_full": act == "show", "form": form, "most": MOST}
    return render(request, "contacts/show.html", context, status=400 if form.errors else 200)
