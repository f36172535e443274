"""The do-not-call list: who stands on it and why; adding and removing."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from campaigns import digits, suppressing, suppressing_files, tallies
from campaigns.audit import Actor
from campaigns.forms.do_not_call import REGION, SuppressFileForm, SuppressForm
from campaigns.importing.reading import NotACsv
from campaigns.models import Suppression
from campaigns.templatetags.dialer import phone, plural
from campaigns.views.paging import Page, page


@require_http_methods(["GET", "POST"])
def index(request: HttpRequest) -> HttpResponse:
    """The list, searched by digits or words of the reason. A POST adds, or with `remove` takes one off."""
    if "remove" in request.POST:
        return _remove(request)
    if "upload" in request.POST:
        return _upload(request)
    form = SuppressForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        return _add(request, form)
    return _page(request, form=form, status=400 if form.errors else 200)


def _page(request: HttpRequest, *, status: int = 200, **context: object) -> HttpResponse:
    search = request.GET.get("q", "").strip()
    shown = {
        "form": SuppressForm(),
        "file_form": SuppressFileForm(),
        "q": search,
        "page": _matching(search, request.GET),
        "total": tallies.suppressed(),
    }
    return render(request, "do_not_call.html", shown | context, status=status)


def _upload(request: HttpRequest) -> HttpResponse:
    """A CSV: good lines are added, bad ones are told with their line."""
    form = SuppressFileForm(request.POST, request.FILES)
    if not form.is_valid():
        return _page(request, file_form=form, status=400)
    file, reason = form.cleaned_data["file"], form.cleaned_data["reason_of_all"]
    try:
        report = suppressing_files.suppress_file(file.file, reason=reason, region=REGION, by=Actor.of(request.user))
    except NotACsv as refused:
        form.add_error("file", refused.reason)
        return _page(request, file_form=form, status=400)
    return _page(request, report=report)


def _matching(search: str, query: QueryDict) -> Page[Suppression]:
    """By the last digits of the number, or by words of the reason, which no index knows."""
    rows = Suppression.objects.select_related("added_by")
    last = digits.in_number(search)
    if last:
        return page(digits.ending_in(rows, last), "added_at", query)
    if search:
        return page(rows.filter(reason__icontains=search), "added_at", query, among=Suppression.objects.all())
    return page(rows, "added_at", query)


def _add(request: HttpRequest, form: SuppressForm) -> HttpResponse:
    numbers = form.cleaned_data["numbers"]
    added = suppressing.suppress(numbers, reason=form.cleaned_data["reason"], by=Actor.of(request.user))
    already = f" {plural(len(numbers) - added, 'number,numbers')} stood there already." if added < len(numbers) else ""
    messages.success(request, f"Added {plural(added, 'number,numbers')}. Nobody calls them from now on.{already}")
    return redirect("do-not-call")


def _remove(request: HttpRequest) -> HttpResponse:
    number = Suppression.objects.filter(pk=_id(request.POST["remove"])).values_list("phone", flat=True).first()
    if number and suppressing.unsuppress([number], by=Actor.of(request.user)):
        messages.success(request, f"Removed {phone(number)}. Campaigns launched from now on may call it.")
    else:
        messages.info(request, "That number was already off the list.")
    return redirect("do-not-call")


def _id(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 19 else 0
