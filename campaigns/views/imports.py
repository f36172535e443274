"""A file's way into a list: its columns, the import, its report, and what becomes of it later."""

from dataclasses import dataclass

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_htmx.http import HTMX_STOP_POLLING

from campaigns import tallies
from campaigns.audit import Actor
from campaigns.forms.lists import ColumnsForm, ReadingForm
from campaigns.importing import mapping, phones, removing, replacing, report, rereading, uploads
from campaigns.importing.options import REPLACE, Options
from campaigns.importing.reading import NotACsv
from campaigns.lifecycle import DUE_IMPORTS, ENDED_IMPORTS, CampaignStatus, ImportStatus
from campaigns.models import ContactImport, ImportIssue
from campaigns.views.downloads import csv_answer
from campaigns.views.paging import page_by_id

UNDOABLE = (ImportStatus.DONE, ImportStatus.FAILED, ImportStatus.CANCELLED)
_TAKE_NEW_PEOPLE = (CampaignStatus.RUNNING, CampaignStatus.PAUSED)


@require_http_methods(["GET", "POST"])
def columns(request: HttpRequest, import_id: int) -> HttpResponse:
    """Choose the columns, with a preview; a POST with `preview` only looks, one without imports the file."""
    contact_import = get_object_or_404(ContactImport.objects.select_related("contact_list"), pk=import_id)
    if contact_import.status != ImportStatus.UPLOADED:
        return redirect("import", import_id)
    try:
        guess = mapping.guess(contact_import)
    except NotACsv as gone:
        return _gone(request, contact_import, gone)
    form = ColumnsForm(contact_import, guess, request.POST if request.method == "POST" else None)
    looks = request.method == "GET" or "preview" in request.POST
    if not looks and form.is_valid():
        uploads.queue(contact_import, *_chosen(form), by=Actor.of(request.user), name=form.cleaned_data["name"].strip())
        return redirect("import", import_id)
    return _match(request, contact_import, form, ReadingForm(contact_import), 200 if looks else 400)


@require_POST
def read_again(request: HttpRequest, import_id: int) -> HttpResponse:
    """Read the uploaded file in another encoding, or another sheet of its workbook; then choose the columns of that."""
    contact_import = get_object_or_404(ContactImport.objects.select_related("contact_list"), pk=import_id)
    form = ReadingForm(contact_import, request.POST)
    if contact_import.status != ImportStatus.UPLOADED or (form.is_valid() and form.read(contact_import)):
        return redirect(f"{reverse('import-map', args=[import_id])}#preview")
    try:
        guess = mapping.guess(contact_import)
    except NotACsv as gone:
        return _gone(request, contact_import, gone)
    return _match(request, contact_import, ColumnsForm(contact_import, guess, None), form, 400)


def _gone(request: HttpRequest, contact_import: ContactImport, why: NotACsv) -> HttpResponse:
    return render(request, "lists/gone.html", {"import": contact_import, "reason": why.reason}, status=410)


def _match(
    request: HttpRequest, contact_import: ContactImport, form: ColumnsForm, reading: ReadingForm, status: int
) -> HttpResponse:
    """The page that matches the columns."""
    chosen = _chosen(form) if form.is_valid() else None
    contact_list = contact_import.contact_list
    context = {
        "import": contact_import,
        "form": form,
        "guess": form.guess,
        "reading": reading,
        "encoding": rereading.encoding_name(contact_import.encoding),
        "preview": mapping.preview(contact_import, *chosen) if chosen else None,
        "calling": contact_list.campaigns.filter(status__in=_TAKE_NEW_PEOPLE).order_by("-pk")[:5],
        "same_file": uploads.same_file(contact_import),
        "people_there": tallies.people_on([contact_list.pk])[contact_list.pk],
        "region": phones.region_name(contact_list.region),
        "delimiter": {",": "commas", ";": "semicolons", "\t": "tabs", "|": "pipes"}.get(contact_import.delimiter, ""),
    }
    return render(request, "lists/map.html", context, status=status)


def _chosen(form: ColumnsForm) -> tuple[str, str, Options]:
    return form.cleaned_data["phone_column"], form.cleaned_data["name_column"], form.options()


@require_GET
def show_import(request: HttpRequest, import_id: int) -> HttpResponse:
    """Progress, then the report. The fragment of htmx is the same template; its polling ends with 286."""
    imports = ContactImport.objects.select_related("contact_list", "created_by")
    contact_import = get_object_or_404(imports, pk=import_id)
    if contact_import.status == ImportStatus.UPLOADED:
        return redirect("import-map", import_id)
    ended = contact_import.status in ENDED_IMPORTS
    running = contact_import.status == ImportStatus.RUNNING
    replaced = Options.of(contact_import.options).how == REPLACE
    kind = request.GET.get("kind", "")
    issues = ImportIssue.objects.filter(kind=kind) if kind else ImportIssue.objects.all()
    context = {
        "import": contact_import,
        "ended": ended,
        "percent": min(99, 100 * contact_import.bytes_read // max(1, contact_import.size)),
        "seconds": _seconds(contact_import),
        "pace": _pace(contact_import),
        "ahead": _ahead(contact_import),
        "leaving": replaced and running and contact_import.bytes_read >= contact_import.size,
        "brought": contact_import.imported - contact_import.updated,
        "undoable": contact_import.status in UNDOABLE and contact_import.imported > 0,
        "replaced": replaced,
        "kind": kind,
        "reasons": report.reasons(contact_import) if ended else [],
        "repairs": report.repairs(contact_import) if ended else [],
        "elsewhere": report.on_other_lists(contact_import) if ended else [],
        "page": page_by_id(issues, {"contact_import_id": import_id}, request.GET) if ended else None,
    }
    polled = request.headers.get("HX-Request") == "true"
    template = "lists/_import.html" if polled else "lists/import.html"
    return render(request, template, context, status=HTMX_STOP_POLLING if polled and ended else 200)


@require_POST
def cancel(request: HttpRequest, import_id: int) -> HttpResponse:
    """Stop an import that runs, or discard an upload that has none of it yet."""
    contact_import = get_object_or_404(ContactImport, pk=import_id)
    waiting = not contact_import.phone_column  # it has no columns yet
    if removing.cancel(contact_import, by=Actor.of(request.user)):
        what = "discarded" if waiting else "cancelled: nobody else comes in from it"
        messages.success(request, f"{contact_import} is {what}.")
    if waiting:
        return redirect("lists")
    return redirect("import", import_id)


@require_POST
def let_leave(request: HttpRequest, import_id: int) -> HttpResponse:
    """Most of a list shall leave it: the import that asked goes on."""
    contact_import = get_object_or_404(ContactImport, pk=import_id)
    if not replacing.let_them_leave(contact_import, by=Actor.of(request.user)):
        messages.warning(request, "Nobody leaves: this import does not ask any more, or a later file changed the list.")
    return redirect("import", import_id)


@require_POST
def undo(request: HttpRequest, import_id: int) -> HttpResponse:
    """Take an import back, in a worker."""
    contact_import = get_object_or_404(ContactImport, pk=import_id)
    if not removing.undo(contact_import, by=Actor.of(request.user)):
        messages.warning(request, "This import cannot be undone now: it runs, or was undone already.")
    return redirect("import", import_id)


@dataclass(frozen=True)
class Pace:
    """Of an import that runs: rows a second since it began, and seconds until it ends at that rate."""

    rows: int
    seconds_left: int


def _pace(contact_import: ContactImport) -> Pace | None:
    started, read, size = contact_import.started_at, contact_import.bytes_read, contact_import.size
    if contact_import.status != ImportStatus.RUNNING or not started or not read:
        return None
    seconds = max((timezone.now() - started).total_seconds(), 0.1)
    return Pace(round(contact_import.rows / seconds), round(max(size - read, 0) * seconds / read))


def _ahead(contact_import: ContactImport) -> int:
    """How many files a worker takes before one that waits."""
    if contact_import.status != ImportStatus.QUEUED:
        return 0
    earlier = Q(created_at=contact_import.created_at, pk__lt=contact_import.pk)
    due = ContactImport.objects.filter(status__in=DUE_IMPORTS)
    return due.filter(Q(created_at__lt=contact_import.created_at) | earlier).count()


def _seconds(contact_import: ContactImport) -> float | None:
    """How long it ran; an undo has a later end."""
    if contact_import.status not in UNDOABLE or not contact_import.started_at or not contact_import.finished_at:
        return None
    return (contact_import.finished_at - contact_import.started_at).total_seconds()


@require_GET
def rejects(request: HttpRequest, import_id: int) -> StreamingHttpResponse:
    """The rejected rows as CSV, to mend and upload again."""
    contact_import = get_object_or_404(ContactImport, pk=import_id)
    name = f"rejects of {contact_import.file_name.rpartition('.')[0] or contact_import.file_name}.csv"
    return csv_answer(request, report.rejects_csv(contact_import), name)
