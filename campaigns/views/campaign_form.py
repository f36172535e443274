"""Writing a campaign in steps, each a page with an address of its own; the review is the fourth.

The draft is kept in the database from the first step on: whoever leaves finds it among the campaigns. Every step keeps
its page before it goes anywhere, back as well as on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from campaigns import bots, creating, filters
from campaigns.audit import Actor
from campaigns.control import NotAllowed
from campaigns.creating import CampaignPlan
from campaigns.filters import BadFilter, Condition
from campaigns.forms.campaign_what import WhatForm
from campaigns.forms.campaign_when import WhenForm
from campaigns.forms.campaign_who import WhoForm
from campaigns.lifecycle import CampaignStatus
from campaigns.models import AuditEntry, Campaign, ContactList, ExotelAccount
from campaigns.views import who
from campaigns.views.campaigns import plan_of
from campaigns.views.context import default_account
from campaigns.views.who import Audience

REWRITABLE = (CampaignStatus.DRAFT, CampaignStatus.SCHEDULED)
Form = WhoForm | WhatForm | WhenForm


@dataclass(frozen=True)
class Step:
    """One page. `go` is what its button says."""

    name: str
    label: str
    go: str


WHO, WHAT, WHEN, REVIEW = STEPS = (
    Step("who", "Who is called", "Save and go on"),
    Step("what", "What they hear", "Save and go on"),
    Step("when", "When and how fast", "Save and review"),
    Step("review", "Review", ""),
)


@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Step 1 of a campaign that does not exist yet; an address may name a list, and a filter as its page has it."""
    account = default_account()
    if account is None or not ContactList.objects.exists():
        return render(request, "campaigns/cannot_begin.html", {"needs_account": account is None})
    chosen = list(ContactList.objects.filter(pk__in=filter(str.isdecimal, [request.GET.get("list", "")])))
    draft = replace(_blank(account), lists=chosen, audience=_asked(request, chosen))
    form = WhoForm(request.POST or None, draft=draft)
    return _answer(request, WHO, form, None)


def _asked(request: HttpRequest, lists: Sequence[ContactList]) -> tuple[Condition, ...]:
    """The conditions of the address; what is wrong with them is said, and nobody is left out unsaid."""
    if request.method == "POST":
        return ()
    try:
        return filters.parse(request.GET, lists)
    except BadFilter as refused:
        for problem in refused.problems:
            messages.warning(request, problem)
        return ()


@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, campaign_id: int, step: str = WHO.name) -> HttpResponse:
    """A step of a draft. Only a draft can be rewritten; of a launched one the page says so."""
    current = next((one for one in (WHO, WHAT, WHEN) if one.name == step), None)
    if current is None:
        raise Http404
    campaign = get_object_or_404(Campaign.objects.select_related("account"), pk=campaign_id)
    if campaign.status not in REWRITABLE:
        messages.warning(request, "This campaign was launched: only a draft can be rewritten. Duplicate it instead.")
        return redirect("campaign", campaign_id)
    kept = dict(campaign.audio.values_list("option", "file_name"))
    draft = replace(plan_of(campaign), audio={})
    form = _form(step, request.POST or None, request.FILES or None, draft, kept)
    return _answer(request, current, form, campaign)


def _form(step: str, data: Any, files: Any, draft: CampaignPlan, kept: Mapping[str, str]) -> Form:
    if step == WHAT.name:
        return WhatForm(data, files, draft=draft, kept_audio=kept)
    return (WhenForm if step == WHEN.name else WhoForm)(data, files, draft=draft)


def _blank(account: ExotelAccount) -> CampaignPlan:
    """What a new campaign starts from: the account's usual caller ID, as fast as it may, the first bot."""
    caller = account.caller_ids.order_by("-is_default", "pk").first()
    names = bots.names()
    return CampaignPlan(
        name="", lists=(), account=account, caller_id=caller.number if caller else "", bot=names[0][0] if names else ""
    )


def _answer(request: HttpRequest, step: Step, form: Form, campaign: Campaign | None) -> HttpResponse:
    """Keep a good page and go where its button leads; show a bad one again with everything that was typed, and one
    whose button only asks for another row of conditions, or for their count."""
    asks = "act" in request.POST
    if request.method == "POST" and not asks and form.is_valid():
        try:
            kept = _keep(form.plan(), campaign, Actor.of(request.user))
        except NotAllowed as refused:
            for problem in refused.problems:
                form.add_error(None, problem)
        else:
            if told := form.told():
                messages.warning(request, told)
            return redirect(_next(step, request.POST.get("then", ""), kept))
    status = 200 if asks else _status(form)
    return render(request, "campaigns/form.html", _context(request, step, form, campaign), status=status)


def _keep(plan: CampaignPlan, campaign: Campaign | None, by: Actor) -> Campaign:
    return creating.update(campaign, plan, by=by) if campaign else creating.create(plan, by=by)


def _status(form: Form) -> int:
    return 400 if form.errors else 200


def _next(step: Step, then: str, campaign: Campaign) -> str:
    """Where a kept page leads: on, back, or to the list of campaigns."""
    if then == "leave":
        return reverse("campaigns")
    place = STEPS.index(step) + (-1 if then == "back" else 1)
    return address(STEPS[max(place, 0)], campaign)


def address(step: Step, campaign: Campaign) -> str:
    """Of one step of a draft."""
    if step is REVIEW:
        return reverse("campaign", args=[campaign.pk])
    if step is WHO:
        return reverse("campaign-edit", args=[campaign.pk])
    return reverse("campaign-edit-step", args=[campaign.pk, step.name])


def walk(current: Step, campaign: Campaign | None) -> list[tuple[Step, str, str]]:
    """The steps for the head of a page: (step, its address or '', done, current or '')."""
    here = STEPS.index(current)
    states = ["done" if place < here else "current" if place == here else "" for place in range(len(STEPS))]
    return [
        (step, address(step, campaign) if campaign else "", state) for step, state in zip(STEPS, states, strict=True)
    ]


def saved_at(campaign: Campaign) -> Any:
    """When the draft was kept last."""
    rows = AuditEntry.objects.filter(subject=f"campaign:{campaign.pk}", action__in=("create", "edit"))
    return rows.order_by("-at").values_list("at", flat=True).first() or campaign.created_at


def _context(request: HttpRequest, step: Step, form: Form, campaign: Campaign | None) -> dict[str, Any]:
    account = form.draft.account
    return {
        "form": form,
        "campaign": campaign,
        "step": step,
        "steps": walk(step, campaign),
        "part": f"campaigns/_step_{step.name}.html",
        "saved_at": saved_at(campaign) if campaign else None,
        "audience": _audience(request, form.draft) if step is WHO else None,
        "caller_ids": _caller_ids(account) if step is WHEN else (),
        "time_zones": _time_zones() if step is WHEN else (),
        "lost_files": [file.name for file in request.FILES.values() if isinstance(file, UploadedFile)],
    }


def _audience(request: HttpRequest, draft: CampaignPlan) -> Audience:
    """As it was sent, else as the draft has it."""
    return who.of_form(request.POST) if request.method == "POST" else who.of_draft(draft.lists, draft.audience)


@cache
def _time_zones() -> Sequence[str]:
    """Read from the disk once: it took a third of the page."""
    return sorted(available_timezones())


def _caller_ids(account: ExotelAccount) -> list[str]:
    return list(account.caller_ids.order_by("-is_default", "pk").values_list("number", flat=True))
