"""The people of a launched campaign: by state, by name or last digits; `?why=` opens why one is not called yet."""

from typing import Any

from django.db.models import OuterRef, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from campaigns import digits, progress
from campaigns.lifecycle import ContactState
from campaigns.models import CallAttempt, Campaign, CampaignContact
from campaigns.views.campaigns import PARTS
from campaigns.views.live import tabs
from campaigns.views.paging import page_by_id
from campaigns.views.why import Why, why_of


@require_GET
def contacts(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """The page; with ?part=why only what the open drawer says, which refreshes itself."""
    campaign = get_object_or_404(Campaign.objects.select_related("account", "launched_by"), pk=campaign_id)
    asked = _why(request, campaign)
    if request.GET.get("part") == "why" and asked:
        return render(request, "campaigns/_why_body.html", {"why": asked, "campaign": campaign})
    return render(request, "campaigns/contacts.html", _context(request, campaign) | {"why": asked})


def _why(request: HttpRequest, campaign: Campaign) -> Why | None:
    person_id = request.GET.get("why", "")
    if not person_id.isdecimal():
        return None
    rows = CampaignContact.objects.select_related("campaign__account")
    return why_of(get_object_or_404(rows, pk=int(person_id), campaign=campaign))


def _context(request: HttpRequest, campaign: Campaign) -> dict[str, Any]:
    state, search = request.GET.get("state", ""), request.GET.get("q", "").strip()
    rows = CampaignContact.objects.all()
    if state in ContactState.values:
        rows = rows.filter(state=state)
    if last_digits := digits.in_number(search):
        rows = digits.ending_in(rows, last_digits)
    elif search:
        rows = rows.filter(name__icontains=search)
    last = CallAttempt.objects.filter(campaign_contact=OuterRef("pk")).order_by("-ordinal").values("pk")[:1]
    counts = progress.counts(campaign.pk)
    rest = request.GET.copy()
    for name in ("why", "part"):
        rest.pop(name, None)
    return {
        "campaign": campaign,
        "page": page_by_id(
            rows.annotate(last_call=Subquery(last)),
            {"campaign_id": campaign.pk},
            rest,
            searched=bool(search and not last_digits),
        ),
        "counts": counts,
        "states": [(value, counts.contacts[value]) for value in PARTS],
        "state": state,
        "q": search,
        "rest": rest.urlencode(),
        "tab": "contacts",
        **tabs(campaign),
    }
