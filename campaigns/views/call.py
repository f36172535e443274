"""One call: who says what, what happened, what was said, and every raw event as it came."""

import json
from typing import Any

from django.contrib import messages
from django.db.models import Prefetch, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from campaigns import audit, deciding, noting, streams
from campaigns.audit import Actor
from campaigns.forms.note import NoteForm
from campaigns.models import CallAttempt, CallEvent, CallNote, Stream, StreamEntry
from campaigns.refusals import NotAllowed
from campaigns.templatetags.dialer import duration, stamp
from campaigns.views.call_timeline import talk, timeline
from campaigns.views.player import player
from campaigns.views.stream_words import facts

WHO = {"bot": "Bot: ", "caller": "Caller: ", "": ""}


@require_http_methods(["GET", "POST"])
def show(request: HttpRequest, attempt_id: int) -> HttpResponse:
    """The page of a call. A POST shows the number in full, which is audited."""
    call = _call(attempt_id)
    in_full = request.method == "POST"
    if in_full:
        audit.record(Actor.of(request.user), "show number", f"call:{call.pk}")
    return render(request, "calls/show.html", _context(request, call, in_full=in_full))


@require_POST
def note(request: HttpRequest, attempt_id: int) -> HttpResponse:
    """Keep a person's own disposition and note; the bot's stays beside them."""
    call = _call(attempt_id)
    form = NoteForm(request.POST, bot_said=call.disposition, note=None)
    if not form.is_valid():
        context = _context(request, call, in_full=False) | {"note_form": form}
        return render(request, "calls/show.html", context, status=400)
    noting.write(call.pk, by=Actor.of(request.user), **form.cleaned_data)
    messages.success(request, "Your note is kept beside the bot’s answer.")
    return redirect("call", call.pk)


@require_POST
def decide(request: HttpRequest, attempt_id: int) -> HttpResponse:
    """Call somebody again, or never, whose call counts as never dialled although Exotel spoke of it."""
    call, by, then = _call(attempt_id), Actor.of(request.user), request.POST.get("then")
    if then not in ("again", "never"):
        return HttpResponseBadRequest("then: again or never")
    try:
        if then == "never":
            deciding.leave(call.pk, by=by)
            done = "{} is not called again in this campaign."
        else:
            back = deciding.call_again(call.pk, by=by)
            done = "{} is in line again." if back else "{} is off the list meanwhile, and is not called."
    except NotAllowed as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, done.format(call.campaign_contact.name or "This person"))
    return redirect("call", call.pk)


@require_POST
def hang_up(request: HttpRequest, attempt_id: int) -> HttpResponse:
    """End a talk of the bot, and back to the campaign."""
    call = _call(attempt_id)
    try:
        streams.ask_to_hang_up(call.pk, by=Actor.of(request.user))
    except NotAllowed as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, f"Hanging up on {call.campaign_contact.name or 'this person'}.")
    return redirect("campaign", call.campaign_id)


@require_GET
def conversation(_request: HttpRequest, attempt_id: int) -> HttpResponse:
    """What was said, as text, a line a turn."""
    call = _call(attempt_id)
    turns = talk(call, _streams(call))
    lines = [f"{duration(turn.at):>7}  {WHO[turn.who]}{turn.text}" for turn in turns]
    head = f"{call.campaign_contact.name or 'No name'}, {stamp(call.intent_at)}, {call.campaign.name}"
    answer = HttpResponse("\n".join([head, "", *lines, ""]), content_type="text/plain; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="call-{call.pk}.txt"'
    return answer


def _streams(call: CallAttempt) -> list[Stream]:
    in_order = Prefetch("entries", StreamEntry.objects.order_by("at", "pk"))  # they are written down a second later
    return list(call.streams.prefetch_related(in_order).order_by("opened_at", "pk"))


def _call(attempt_id: int) -> CallAttempt:
    rows = CallAttempt.objects.select_related("campaign_contact", "campaign", "account")
    return get_object_or_404(rows, pk=attempt_id)


def _context(request: HttpRequest, call: CallAttempt, *, in_full: bool) -> dict[str, Any]:
    of_call = _streams(call)
    events = list(call.events.order_by("received_at", "pk"))
    recording = player(call, of_call)
    own = CallNote.objects.filter(attempt=call).first()
    others = of_person(call.phone, call.account_kind)
    return {
        "call": call,
        "in_full": in_full,
        "asked": deciding.is_asked(call),
        "player": recording,
        "streams": [facts(stream) for stream in of_call],
        "timeline": timeline(call, of_call, events, recording.seconds),
        "turns": talk(call, of_call, recording.seconds),
        "events": [(event, as_text(event, "" if in_full else call.phone)) for event in events],
        "others": others,
        "campaign_count": len({other.campaign_id for other in others}),
        "own": own,
        "note_form": NoteForm(bot_said=call.disposition, note=own),
        "link": request.build_absolute_uri(reverse("call", args=[call.pk])),
        **_neighbours(call),
    }


def of_person(phone: str, account_kind: str, most: int = 20) -> list[CallAttempt]:
    """Calls to a person over all campaigns, newest first; real and simulated ones never mix."""
    same_person = CallAttempt.objects.filter(phone=phone, account_kind=account_kind)
    return list(same_person.select_related("campaign", "own_note").order_by("-intent_at", "-pk")[:most])


def _neighbours(call: CallAttempt) -> dict[str, int | None]:
    """The calls of the campaign just before and just after this one."""
    calls = CallAttempt.objects.filter(campaign=call.campaign_id)
    at, pk = call.intent_at, call.pk  # both halves are written out, so that the index on (-intent_at, -id) is walked
    older = calls.filter(intent_at__lte=at).filter(Q(intent_at__lt=at) | Q(pk__lt=pk)).order_by("-intent_at", "-pk")
    newer = calls.filter(intent_at__gte=at).filter(Q(intent_at__gt=at) | Q(pk__gt=pk)).order_by("intent_at", "pk")
    return {"older": _first(older), "newer": _first(newer)}


def _first(calls: QuerySet[CallAttempt]) -> int | None:
    return calls.values_list("pk", flat=True).first()


def as_text(event: CallEvent, number: str = "") -> str:
    """An event's fields as they came, for reading; with `number` the person's number in them is masked."""
    fields: dict[str, Any] = event.fields
    text = json.dumps(fields, indent=2, ensure_ascii=False, sort_keys=True) if fields else event.raw
    digits = number.lstrip("+")[-10:]
    return text.replace(digits, f"••{digits[-2:]}") if digits else text
