"""Writing a campaign: a new draft, or a draft rewritten."""

from collections.abc import Callable
from functools import cache
from zoneinfo import available_timezones

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from campaigns import creating
from campaigns.audit import Actor
from campaigns.control import NotAllowed
from campaigns.creating import CampaignPlan
from campaigns.forms.campaign import CampaignForm, initial_for_new, initial_of
from campaigns.lifecycle import CampaignStatus
from campaigns.models import Campaign, ContactList, ExotelAccount
from campaigns.views.context import default_account

REWRITABLE = (CampaignStatus.DRAFT, CampaignStatus.SCHEDULED)


@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    account = default_account()
    if account is None or not ContactList.objects.exists():
        return render(request, "campaigns/cannot_begin.html", {"needs_account": account is None})
    initial = initial_for_new(account) | {"lists": [request.GET.get("list", "")]}
    form = CampaignForm(request.POST or None, request.FILES or None, account=account, initial=initial)
    return _answer(request, form, lambda plan: creating.create(plan, by=Actor.of(request.user)))


@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """Only a draft can be rewritten; of a launched one the page says so."""
    campaign = get_object_or_404(Campaign.objects.select_related("account"), pk=campaign_id)
    if campaign.status not in REWRITABLE:
        messages.warning(request, "This campaign was launched: only a draft can be rewritten. Duplicate it instead.")
        return redirect("campaign", campaign_id)
    kept = dict(campaign.audio.values_list("option", "file_name"))
    form = CampaignForm(
        request.POST or None,
        request.FILES or None,
        account=campaign.account,
        kept_audio=kept,
        initial=initial_of(campaign),
    )
    return _answer(
        request, form, lambda plan: creating.update(campaign, plan, by=Actor.of(request.user)), campaign=campaign
    )


def _answer(
    request: HttpRequest,
    form: CampaignForm,
    keep: Callable[[CampaignPlan], Campaign],
    campaign: Campaign | None = None,
) -> HttpResponse:
    """Keep a good form and go on to the review; show a bad one again with everything that was typed."""
    if request.method == "POST" and form.is_valid():
        try:
            kept = keep(form.plan())
        except NotAllowed as refused:
            for problem in refused.problems:
                form.add_error(None, problem)
        else:
            return redirect("campaign", kept.pk)
    context = {
        "form": form,
        "campaign": campaign,
        "caller_ids": _caller_ids(form.account),
        "time_zones": _time_zones(),
        "lost_files": [file.name for file in request.FILES.values() if isinstance(file, UploadedFile)],
    }
    return render(request, "campaigns/form.html", context, status=400 if form.errors else 200)


@cache
def _time_zones() -> list[str]:
    """Read from the disk once: it took a third of the page."""
    return sorted(available_timezones())


def _caller_ids(account: ExotelAccount) -> list[str]:
    return list(account.caller_ids.order_by("-is_default", "pk").values_list("number", flat=True))
