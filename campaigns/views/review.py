"""The review of a draft: who will be called and when it ends, who will not be, what to mend, and the launch."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from campaigns import audit, bots, control, filters, pacing, scheduling, stream_use, tallies, trial_calls
from campaigns.audit import Actor
from campaigns.models import Campaign, ContactList
from campaigns.refusals import NotAllowed
from campaigns.templatetags.dialer import clock, plural, span, when
from campaigns.views import doctor
from campaigns.views.campaign_form import REVIEW, WHAT, WHEN, WHO, address, saved_at, walk
from campaigns.views.campaigns import plan_of
from campaigns.views.checks import Check
from campaigns.views.plan import Plan, plan
from campaigns.views.plan_day import PlanDay, plan_day


@dataclass(frozen=True)
class NotCalled:
    """People of the lists who will not be called: why, and whether they could be."""

    reason: str
    people: int
    could_be: str
    link: str = ""


def review(request: HttpRequest, campaign: Campaign, *, number_refused: str = "") -> HttpResponse:
    """The page. `campaign` is a draft or waits for its time."""
    now = timezone.now()
    asked = filters.from_json(campaign.audience)
    planned = plan(campaign, now)
    day = plan_day(campaign, planned.people, now)
    problems = control.problems(campaign)
    checks = list(_checks(campaign, planned))
    context: dict[str, Any] = {
        "campaign": campaign,
        "plan": planned,
        "day": day,
        "line": _line(campaign, planned, day, problems),
        "sub": _sub(planned, day),
        "problems": problems,
        "audience_told": filters.describe_all(asked),
        "not_called": list(_not_called(planned, campaign, filters.together(asked))),
        "not_called_sum": planned.audience - planned.people,
        "most_calls": planned.people * campaign.max_attempts,
        "slots": min(campaign.max_concurrent, campaign.account.max_concurrent),
        "account_pace": int(campaign.account.calls_per_minute * pacing.DIAL_SHARE),
        "checks": [check for check in checks if check.state != "ok"],
        "good": [check for check in checks if check.state == "ok"],
        "slow": [(name, label) for name, (label, _) in doctor.SLOW.items()],
        "lists": lists_of(campaign),
        "retries": campaign.retry_rules.filter(times__gt=0).order_by("outcome"),
        "bot_label": dict(bots.names()).get(campaign.bot, campaign.bot),
        "links": {step.name: address(step, campaign) for step in (WHO, WHAT, WHEN)},
        "steps": walk(REVIEW, campaign),
        "saved_at": saved_at(campaign),
        "number_refused": number_refused,
        "number": request.POST.get("number", ""),
        "tab": "plan",
    }
    return render(request, "campaigns/review.html", context, status=400 if number_refused else 200)


def _line(campaign: Campaign, planned: Plan, day: PlanDay | None, problems: list[str]) -> str:
    """The verdict."""
    if problems:
        return f"{plural(len(problems), 'thing,things')} to mend before the launch."
    most = "About " if planned.about else "" if planned.exact else "At most "
    times = "once" if campaign.max_attempts == 1 else f"at most {campaign.max_attempts} times"
    people = f"{most}{plural(planned.people, 'person,people')} will be called, each {times}."
    if day and day.expected.ends_at:
        return f"{people} Finishes about {when(day.expected.ends_at)}."
    return f"{people} First calls end about {when(planned.ends_at)}." if planned.ends_at else people


def _sub(planned: Plan, day: PlanDay | None) -> str:
    said = []
    if planned.opens_at:
        said.append(f"Calling hours open {when(planned.opens_at)}.")
    if day and day.last_call and day.expected.ends_at and day.expected.ends_at < day.last_call:
        left = (day.last_call - day.expected.ends_at).total_seconds()
        said.append(f"{span(left)} before the last call at {clock(day.last_call)}.")
    elif day and not day.expected.ends_at and planned.people:
        said.append("It goes on the next day.")
    return " ".join([*said, "Nobody has been dialled yet."])


def _not_called(planned: Plan, campaign: Campaign, audience: str) -> Iterator[NotCalled]:
    if planned.left_out:
        who = address(WHO, campaign)
        yield NotCalled(f"Do not match: {audience}", planned.left_out, "Yes, if you change who is called", who)
    if planned.suppressed:
        yield NotCalled(
            "On do-not-call", planned.suppressed, "No, unless you take them off the list", reverse("do-not-call")
        )
    if planned.duplicates:
        yield NotCalled("On two of the lists", planned.duplicates, "They are called once, from the other list")


def lists_of(campaign: Campaign) -> list[tuple[ContactList, int]]:
    """The campaign's lists with how many people each has."""
    lists = list(campaign.lists.order_by("name"))
    people = tallies.people_on(one.pk for one in lists)
    return [(one, people[one.pk]) for one in lists]


# ----------------------------------------------------------------------------------------------------------- checks
def _checks(campaign: Campaign, planned: Plan) -> Iterator[Check]:
    """What our own tables and settings tell, worst first; what must be asked loads by itself."""
    found = [*doctor.quick(campaign.account), *_of_campaign(campaign, planned)]
    order = ("bad", "warn", "ok")
    yield from sorted(found, key=lambda check: order.index(check.state))


def _of_campaign(campaign: Campaign, planned: Plan) -> Iterator[Check]:
    if planned.window.shut:
        yield Check("bad", "No hour is legal", str(planned.window), "Set calling hours inside the legal ones.")
    else:
        legal = "no real phone rings, so no law narrows them" if campaign.account.simulated else "cannot be widened"
        yield Check("ok", f"Calling hours {planned.window}", f"{campaign.time_zone}; {legal}")
    if campaign.ends_at and (planned.ends_at is None or planned.ends_at > campaign.ends_at):
        told = f"Nobody is called after {when(campaign.ends_at)}; who still waits then is skipped."
        yield Check("warn", "It ends before everybody is called", told, "Set a later end, or a faster pace.")
    if campaign.bot and (warning := stream_use.warning(campaign.account, campaign.max_concurrent)):
        yield Check("warn", "Fewer streams than calls", warning)
    if campaign.record:
        own = "Exotel’s own hosts" if not campaign.account.simulated else "the simulator"
        more = f" and {', '.join(settings.RECORDING_HOSTS)}" if settings.RECORDING_HOSTS else ""
        yield Check("ok", "Recordings can be fetched", f"from {own}{more}")


# -------------------------------------------------------------------------------------------------------------- acts
@require_POST
def call_me(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """Call one phone now with what this campaign says; then the page that watches the call."""
    campaign = get_object_or_404(Campaign.objects.select_related("account__stream_use"), pk=campaign_id)
    by = Actor.of(request.user)
    plan_now = plan_of(campaign)
    audio = {option: given for option, given in plan_now.audio.items() if option in campaign.bot_options}
    try:
        trial = trial_calls.place_as(replace(plan_now, audio=audio), request.POST.get("number", "").strip(), by=by)
    except NotAllowed as refused:
        return review(request, campaign, number_refused=" ".join(refused.problems))
    audit.record(by, "trial call", f"campaign:{trial.pk}", like=campaign.pk)
    return redirect("trial-call", trial.pk)


@require_POST
def schedule(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """Start by itself at a time, or (act=off) no longer."""
    campaign = get_object_or_404(Campaign, pk=campaign_id)
    by = Actor.of(request.user)
    try:
        if request.POST.get("act") == "off":
            scheduling.unschedule(campaign_id, by=by)
            messages.success(request, f"{campaign.name} is a draft again and does not start by itself.")
        else:
            at = scheduling.read_moment(request.POST.get("at", ""), campaign)
            scheduling.schedule(campaign_id, at, by=by)
            messages.success(request, f"{campaign.name} starts by itself: {when(at)}.")
    except NotAllowed as refused:
        for problem in refused.problems:
            messages.error(request, problem)
    return redirect("campaign", campaign_id)
