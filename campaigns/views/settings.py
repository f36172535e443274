"""The settings: the account and what holds it, our addresses, the voice."""

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from campaigns import addresses, bots, control, learning, progress, stream_use
from campaigns.audit import Actor
from campaigns.models import ExotelAccount, Pacer
from campaigns.refusals import NotAllowed


@require_GET
def show(request: HttpRequest) -> HttpResponse:
    accounts = (
        ExotelAccount.objects.select_related("stream_use")
        .prefetch_related("caller_ids")
        .order_by("-from_environment", "pk")
    )
    pacers = {pacer.account_id: pacer for pacer in Pacer.objects.all()}
    context = {
        "accounts": [(one, pacers.get(one.pk), progress.pulse(one)) for one in accounts],
        "slower": {one.pk: learning.why_slower(one, pacers[one.pk]) for one in accounts if one.pk in pacers},
        "stream_warnings": {one.pk: words for one in accounts if (words := stream_use.warning(one))},
        "public_url": settings.PUBLIC_URL,
        "plain": addresses.is_plain(settings.PUBLIC_URL),
        "callback_address": f"{settings.PUBLIC_URL}/x/cb/…",
        "stream_address": f"{addresses.stream_base()}/x/ws/…",
        "speech": bots.speech().available(),
        "bots": [bots.spec(name) for name, _ in bots.names()],
    }
    return render(request, "settings.html", context)


@require_POST
def lift_hold(request: HttpRequest, account_id: int) -> HttpResponse:
    """The operator says that what held the account is mended."""
    account = get_object_or_404(ExotelAccount, pk=account_id)
    try:
        control.lift_hold(account_id, by=Actor.of(request.user))
    except NotAllowed as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, f"{account.name} dials again. If the cause is not mended, it will be held again.")
    return redirect("settings")
