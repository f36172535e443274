"""Pace, slots, share, hours and end of a campaign that runs, on one page; and its versions, what each changed."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from campaigns import adjusting, calling_hours, pacing
from campaigns import versions as kept
from campaigns.audit import Actor
from campaigns.forms.live_edit import LiveEditForm
from campaigns.models import Campaign
from campaigns.refusals import NotAllowed
from campaigns.views.live import tabs
from campaigns.views.shares import part_of


@require_http_methods(["GET", "POST"])
def change(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """The page; a good POST changes the campaign and leads back to it, a bad one is shown again with what was typed."""
    campaign = get_object_or_404(Campaign.objects.select_related("account", "launched_by"), pk=campaign_id)
    if campaign.status not in adjusting.CHANGEABLE:
        messages.warning(request, "Only a campaign that runs or is paused can be changed like this.")
        return redirect("campaign", campaign_id)
    form = LiveEditForm(request.POST or None, campaign=campaign)
    if request.method == "POST" and form.is_valid():
        try:
            done = adjusting.adjust(campaign_id, by=Actor.of(request.user), **form.change)
        except NotAllowed as refused:
            for problem in refused.problems:
                form.add_error(None, problem)
        else:
            said = f"Changed: {'; '.join(map(str, done))}." if done else "Nothing differs: nothing was changed."
            messages.success(request, said)
            return redirect("campaign", campaign_id)
    context: dict[str, Any] = {
        "campaign": campaign,
        "form": form,
        "ceiling": calling_hours.ceiling(campaign.purpose, simulated=campaign.account.simulated),
        "account_pace": int(campaign.account.calls_per_minute * pacing.DIAL_SHARE),
        "share": part_of(campaign, timezone.now()),
        "tab": "change",
    }
    return render(request, "campaigns/change.html", context | tabs(campaign), status=400 if form.errors else 200)


@require_GET
def versions(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """What shaped the calls, since when, and what changed from each version to the next; newest first."""
    campaign = get_object_or_404(Campaign.objects.select_related("account", "launched_by"), pk=campaign_id)
    if campaign.launched_at is None:
        return redirect("campaign", campaign_id)
    steps = kept.steps(campaign.pk)
    context: dict[str, Any] = {
        "campaign": campaign,
        "steps": steps,
        "oldest": steps[-1].version.number if steps else 0,
        "first": kept.told(steps[-1].version.settings) if steps else [],
        "tab": "versions",
    }
    return render(request, "campaigns/versions.html", context | tabs(campaign))
