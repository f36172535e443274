"""The doctor: the one thing that is broken first, its mend ready to copy; what is good stands small."""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta

import httpx
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from campaigns import addresses, bots, heartbeat, pacing
from campaigns.models import CallEvent, EventSource, ExotelAccount, Pacer
from campaigns.progress import no_worker
from campaigns.templatetags.dialer import plural, when, without_numbers
from campaigns.views.accounts import connection
from campaigns.views.checks import Check
from campaigns.views.context import default_account

CLOCKS_AGREE = timedelta(seconds=1)
LOOKED_AT = 2000  # of the newest events: further back nobody looks for a callback
WITHIN = 5.0  # seconds for our own public address
ENOUGH_SPEECH = "Install the speech extra, or give each bot recordings."


@require_GET
def show(request: HttpRequest) -> HttpResponse:
    """What can be told at once; the slow checks load by themselves, each alone, so that none holds the others."""
    account = default_account()
    found = list(quick(account))
    context = {
        "bad": [check for check in found if check.state == "bad"],
        "warnings": [check for check in found if check.state == "warn"],
        "good": [check for check in found if check.state == "ok"],
        "slow": [(name, label) for name, (label, _) in SLOW.items()] if account else [],
        "at": timezone.now(),
        "tab": "doctor",
    }
    return render(request, "settings/doctor.html", context)


@require_GET
def check(request: HttpRequest, name: str) -> HttpResponse:
    """One of the slow checks."""
    account = default_account()
    if name not in SLOW or account is None:
        raise Http404
    found = SLOW[name][1](account)
    template = "settings/_check.html" if request.htmx else "settings/check.html"  # type: ignore[attr-defined]
    return render(request, template, {"check": found, "tab": "doctor"})


# ------------------------------------------------------------------------------------------------------------ quick
def quick(account: ExotelAccount | None) -> Iterator[Check]:
    """What our own tables and settings tell."""
    if account is None:
        mend = "Set the EXOTEL_… variables named in .env.example, or let make run start the simulator; then restart."
        yield Check("bad", "No account to call through", mend=mend)
        return
    yield from _account(account)
    yield from _addresses(account)
    yield _worker()
    yield _clock()
    yield _speech()
    yield _callback(account)


def _account(account: ExotelAccount) -> Iterator[Check]:
    if account.simulated:
        yield Check("warn", "This account only pretends: no real phone rings", account.api_url)
    pacer = Pacer.objects.get(account=account)
    if pacer.held_code:
        state = "warn" if pacer.probe_at else "bad"
        mend = "" if pacer.probe_at else "Mend the cause, then say so on the account’s page."
        yield Check(state, f"Held since {when(pacer.held_since)}", without_numbers(pacer.held_reason), mend)
    numbers = list(account.caller_ids.order_by("-is_default").values_list("number", flat=True))
    if numbers:
        yield Check("ok", "Caller ID", ", ".join(numbers[:5]))
    else:
        yield Check("bad", "No caller ID", "Calls need an ExoPhone to come from.", "Add one on the account’s page.")


def _addresses(account: ExotelAccount) -> Iterator[Check]:
    plain = addresses.is_plain(settings.PUBLIC_URL)
    if plain and not account.simulated:
        mend = "Set PUBLIC_URL to the https address at which Exotel reaches this installation, then restart."
        yield Check("bad", "Exotel cannot call back over plain http", settings.PUBLIC_URL, mend)
    elif plain:
        yield Check("warn", "Public address is plain http", f"{settings.PUBLIC_URL}: fine for the simulator only")
    else:
        yield Check("ok", "Public address", settings.PUBLIC_URL)
    stream = addresses.stream_base()
    if addresses.is_plain(stream) and not account.simulated:
        mend = "Set PUBLIC_STREAM_URL to an address that begins with wss://, then restart."
        yield Check("bad", "Exotel needs a wss address for streams", stream, mend)
    else:
        yield Check("ok", "Stream address", stream)


def _worker() -> Check:
    seen, now = heartbeat.worker_seen(), pacing.db_now()
    if not heartbeat.gone(seen, now):
        return Check("ok", "A worker is ready to dial", f"seen {when(seen)}")
    mend = "Start the worker for the queue dial, and the clock (beat); see their logs."
    code = "celery -A dialer worker --queues dial\ncelery -A dialer beat"
    return Check("bad", no_worker(seen, now).rstrip("."), f"last seen {when(seen)}" if seen else "", mend, code)


def _clock() -> Check:
    apart = abs(pacing.db_now() - timezone.now())
    if apart < CLOCKS_AGREE:
        return Check("ok", "The clocks of server and database agree", f"{apart.total_seconds() * 1000:.0f} ms apart")
    mend = "Let both take the time from the same place (chrony)."
    return Check("warn", f"Server and database are {apart.total_seconds():.1f} s apart", "Times would be off.", mend)


def _speech() -> Check:
    if bots.speech().available():
        return Check("ok", "Speech can be made here", f"for {plural(len(bots.names()), 'bot,bots')}")
    return Check("warn", "No speech can be made here", "Bots can only play uploaded recordings.", ENOUGH_SPEECH)


def _callback(account: ExotelAccount) -> Check:
    newest = CallEvent.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    recent = CallEvent.objects.filter(pk__gt=newest - LOOKED_AT, source=EventSource.CALLBACK, attempt__account=account)
    last = recent.order_by("-pk").first()
    if last:
        return Check("ok", "Callbacks reach us", f"last one {when(last.received_at)}")
    mend = "Call your own phone: the callback of that call must arrive here."
    return Check("warn", "No callback has arrived lately", "", mend)


# ------------------------------------------------------------------------------------------------------------- slow
def public_address(_: ExotelAccount) -> Check:
    """Our own /health, asked as anybody outside would ask."""
    address = f"{settings.PUBLIC_URL}/health"
    try:
        answer = httpx.get(address, timeout=WITHIN, trust_env=False, follow_redirects=False)
    except httpx.HTTPError as trouble:
        mend = "Let the proxy pass this address to Dialer; allow Exotel’s networks in."
        return Check("bad", "The public address does not answer", f"{address}: {trouble}", mend)
    milliseconds = round(answer.elapsed.total_seconds() * 1000)
    if answer.status_code == 200:
        return Check("ok", "The public address answers", f"{address}, {milliseconds} ms")
    mend = "Something else answers there: point the proxy at Dialer."
    return Check("bad", f"The public address answers {answer.status_code}", address, mend)


SLOW: Mapping[str, tuple[str, Callable[[ExotelAccount], Check]]] = {
    "connection": ("Exotel knows the key and the token", connection),
    "public-address": ("The public address answers", public_address),
}
