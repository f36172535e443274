"""One account: change its numbers, ask Exotel whether it knows us, call one's own phone."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_htmx.http import HTMX_STOP_POLLING

from campaigns import accounts, audit, holds, learning, pacing, trial_calls
from campaigns.audit import Actor
from campaigns.dialing import client_for
from campaigns.exotel import errors
from campaigns.forms.account import AccountForm, TrialForm
from campaigns.lifecycle import ENDED_CAMPAIGNS, ContactState
from campaigns.models import CallAttempt, Campaign, ExotelAccount
from campaigns.refusals import NotAllowed
from campaigns.templatetags.dialer import span, without_numbers
from campaigns.views.checks import Check
from campaigns.views.users import only_managers

MENDS: tuple[tuple[type[errors.ExotelError], str], ...] = (
    (errors.Unauthorised, "Check EXOTEL_API_KEY and EXOTEL_API_TOKEN, and that EXOTEL_REGION is the account’s region."),
    (errors.PaymentDue, "The account is out of credit: recharge it in Exotel’s dashboard."),
    (errors.Forbidden, "Settle it with Exotel: KYC, permissions, or the addresses that may ask."),
    (errors.NotFound, "Check EXOTEL_ACCOUNT_SID and EXOTEL_REGION: there is no such account at this address."),
    (errors.RateLimited, "Too many requests: lower the requests a minute, and ask again in a minute."),
    (errors.Unreachable, "Check EXOTEL_REGION or EXOTEL_API_URL, and that this machine may reach it over https."),
)


def connection(account: ExotelAccount) -> Check:
    """One cheap question to Exotel, answered in words. Does not dial."""
    where = f"{account.api_url}, account {account.account_sid}"
    wait = pacing.backing_off(account)
    if wait:
        words = f"Too many requests: Exotel wants none for {span(wait)}"
        return Check("warn", words, where, "Nothing was asked. Ask again after that.")
    try:
        client = client_for(account)
        found = client.reachable()
        pacing.charge_details(account, client.questions)
        learning.heed(account.pk, client.allowance)
    except (ValueError, ImproperlyConfigured) as unusable:
        return Check("bad", "The account’s settings cannot be used", str(unusable), "Correct EXOTEL_…, then restart.")
    if found.ok:
        return Check("ok", "Key and token accepted", where)
    problem = found.problem
    if isinstance(problem, errors.RateLimited):
        holds.back_off(account.pk, problem.retry_after)
    mend = next((words for kind, words in MENDS if isinstance(problem, kind)), "Look at the log, then ask again.")
    return Check("bad", f"Exotel does not answer as it should: {without_numbers(str(problem))}", where, mend)


@require_POST
def test_connection(request: HttpRequest, account_id: int) -> HttpResponse:
    """Ask Exotel now; a fragment for htmx, else told on the settings page."""
    check = connection(get_object_or_404(ExotelAccount, pk=account_id))
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "settings/_check.html", {"check": check})
    tell = messages.success if check.state == "ok" else messages.error
    tell(request, ". ".join(filter(None, (check.what, check.detail, check.mend))))
    return redirect("settings")


@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, account_id: int) -> HttpResponse:
    only_managers(request)
    account = get_object_or_404(ExotelAccount, pk=account_id)
    form = AccountForm.of(account, request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            accounts.edit(account_id, form.changes(), form.cleaned_data["caller_ids"], by=Actor.of(request.user))
        except NotAllowed as refused:
            form.add_error("name", str(refused))
        else:
            messages.success(request, "Kept. Limits count from the next call on.")
            return redirect("settings")
    context = {"form": form, "one": account, "tab": "account"}
    return render(request, "settings/account.html", context, status=400 if form.errors else 200)


# ------------------------------------------------------------------------------------------------------- trial call
@require_http_methods(["GET", "POST"])
def trial(request: HttpRequest, account_id: int) -> HttpResponse:
    """Call my phone: the same queue, hours and do-not-call list as any other call."""
    account = get_object_or_404(ExotelAccount, pk=account_id)
    form = TrialForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            campaign = _place(account, form, Actor.of(request.user))
        except NotAllowed as refused:
            for problem in refused.problems:
                form.add_error(None, problem)
        else:
            return redirect("trial-call", campaign.pk)
    context = {"form": form, "one": account, "tab": "account"}
    return render(request, "settings/trial.html", context, status=400 if form.errors else 200)


def _place(account: ExotelAccount, form: TrialForm, by: Actor) -> Campaign:
    given = form.cleaned_data
    with transaction.atomic():
        campaign = trial_calls.place(given["number"], given["bot"], by=by, account=account)
        audit.record(by, "trial call", f"campaign:{campaign.pk}", bot=given["bot"])
    return campaign


@require_GET
def trial_call(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """How the call goes; asked again each second until it is over."""
    campaign = get_object_or_404(Campaign.objects.select_related("account"), pk=campaign_id, is_test=True)
    person = campaign.contacts.first()
    call = CallAttempt.objects.filter(campaign=campaign).order_by("-pk").first()
    over = campaign.status in ENDED_CAMPAIGNS or (person is not None and person.state == ContactState.SKIPPED)
    context: dict[str, Any] = {"campaign": campaign, "person": person, "call": call, "over": over, "tab": "account"}
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "settings/_trial.html", context, status=HTMX_STOP_POLLING if over else 200)
    return render(request, "settings/trial_call.html", context)
