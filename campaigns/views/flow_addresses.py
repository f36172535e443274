"""The addresses that an operator pastes into a flow, and what came by them without a call of ours."""

from dataclasses import dataclass

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from campaigns import account_tokens
from campaigns.account_tokens import FlowAddress
from campaigns.audit import Actor
from campaigns.models import AccountToken, CallEvent, ExotelAccount
from campaigns.tokens import Purpose

UNMATCHED = 20  # events shown


@dataclass(frozen=True)
class Words:
    """What an address is for, and where it is pasted."""

    title: str
    where: str


WORDS = {
    "passthru": Words(
        "Passthru, synchronous",
        "In a Passthru applet after the Voicebot or Stream applet, with “Make Passthru Async” off. Dialer answers 200, "
        "the applet’s first branch, or 302, its second one, as the campaign says.",
    ),
    "passthru-async": Words(
        "Passthru, asynchronous or before the bot",
        "In a Passthru applet with “Make Passthru Async” on, or before the bot. It is always answered 200.",
    ),
    "dynamic-stream": Words(
        "Stream by a dynamic address",
        "As the URL of a Voicebot or Stream applet. Exotel asks it for each call and gets the call’s own wss address, "
        "with the sample rate and the columns that the campaign sends. Take this one unless you cannot.",
    ),
    "static-stream": Words(
        "Stream at a fixed address",
        "As the URL of a Voicebot or Stream applet that must have one address for all calls. Add ?sample-rate=16000 "
        "for another rate. The call is known by its CustomField when the stream starts.",
    ),
}


@require_GET
def show(request: HttpRequest) -> HttpResponse:
    accounts = ExotelAccount.objects.order_by("-from_environment", "pk")
    context = {
        "accounts": [(one, _cards(one)) for one in accounts],
        "retired": _still_good(),
        "unmatched": CallEvent.objects.filter(attempt=None)
        .select_related("account")
        .order_by("-received_at")[:UNMATCHED],
        "grace_hours": round(account_tokens.GRACE.total_seconds() / 3600),
    }
    return render(request, "flow/addresses.html", context)


def _cards(account: ExotelAccount) -> list[tuple[Words, FlowAddress]]:
    return [(WORDS[one.key], one) for one in account_tokens.addresses_of(account)]


def _still_good() -> dict[int, list[AccountToken]]:
    """Rotated tokens by account that are good for a while, or were used after their end: a flow still has them."""
    found: dict[int, list[AccountToken]] = {}
    now = timezone.now()
    for token in AccountToken.objects.exclude(retired_at=None).order_by("purpose", "version"):
        used_after = token.used_at and token.retired_at and token.used_at > token.retired_at
        if used_after or (token.retired_at and token.retired_at > now):
            found.setdefault(token.account_id, []).append(token)
    return found


@require_POST
def rotate(request: HttpRequest, account_id: int, purpose: Purpose) -> HttpResponse:
    """A new token; the one in use stays good for the grace period."""
    if purpose not in account_tokens.PURPOSES:
        raise Http404
    account = get_object_or_404(ExotelAccount, pk=account_id)
    protected = request.POST.get("with_password") == "yes"
    account_tokens.rotate(account.pk, purpose, by=Actor.of(request.user), with_password=protected)
    hours = round(account_tokens.GRACE.total_seconds() / 3600)
    messages.success(request, f"New address made. Paste it into your flows: the old one is good for {hours} hours.")
    return redirect("flow-addresses")
