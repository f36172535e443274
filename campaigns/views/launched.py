"""Two tabs of a launched campaign: everything that was done to it, and what it was launched with."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET

from campaigns import bots, eligibility, filters
from campaigns import history as told
from campaigns.lifecycle import CampaignStatus
from campaigns.models import Campaign
from campaigns.templatetags.dialer import long_day
from campaigns.views.live import tabs
from campaigns.views.paging import page
from campaigns.views.review import lists_of

BEFORE_LAUNCH = (CampaignStatus.DRAFT, CampaignStatus.SCHEDULED)


@require_GET
def history(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """Every audited act on the campaign, and on its account while it was there, newest first."""
    campaign = get_object_or_404(_campaigns(), pk=campaign_id)
    found = page(told.of_campaign(campaign.pk), "at", request.GET)
    days: dict[str, list[told.TimelineLine]] = {}
    for entry in found.rows:
        days.setdefault(long_day(entry.at), []).append(told.line(entry))
    context: dict[str, Any] = {"campaign": campaign, "page": found, "days": list(days.items()), "tab": "history"}
    return render(request, "campaigns/history.html", context | tabs(campaign))


@require_GET
def plan(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """Whom it calls, with what, when and how fast; before the launch that is the review."""
    campaign = get_object_or_404(_campaigns(), pk=campaign_id)
    if campaign.status in BEFORE_LAUNCH:
        return redirect("campaign", campaign.pk)
    context = {
        "campaign": campaign,
        "lists": lists_of(campaign),
        "audience_told": filters.describe_all(filters.from_json(campaign.audience)),
        "window": eligibility.window_of(campaign),
        "retries": campaign.retry_rules.filter(times__gt=0).order_by("outcome"),
        "bot_label": dict(bots.names()).get(campaign.bot, campaign.bot),
        "options": [(name.replace("_", " "), value) for name, value in campaign.bot_options.items()],
        "tab": "launched-plan",
    }
    return render(request, "campaigns/launched.html", context | tabs(campaign))


def _campaigns() -> QuerySet[Campaign]:
    return Campaign.objects.select_related("account", "launched_by")
