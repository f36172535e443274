"""Contact lists: all of them, one of them, and a file's way into one: upload, columns, import, report."""

from collections.abc import Callable, Mapping

from django.core.files import File
from django.core.paginator import Paginator
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods
from django_htmx.http import HTMX_STOP_POLLING

from campaigns import spreadsheets, tallies
from campaigns.audit import Actor
from campaigns.forms.lists import ColumnsForm, UploadForm
from campaigns.importing import mapping, phones, report, uploads
from campaigns.importing.options import Options
from campaigns.importing.reading import NotACsv
from campaigns.importing.uploads import NotAList
from campaigns.lifecycle import LIVE_CAMPAIGNS, ImportStatus
from campaigns.models import Contact, ContactImport, ContactList, ImportIssue
from campaigns.views import audience
from campaigns.views.downloads import csv_answer
from campaigns.views.paging import page_by_id

LISTS_A_PAGE = 25
COLUMNS_SHOWN = 5
UNFINISHED = (ImportStatus.UPLOADED, ImportStatus.QUEUED, ImportStatus.RUNNING)

SAMPLE = (
    "Name,Mobile,City,Amount,Due date\r\n"
    "Kavita Deshmukh,+91 90000 00012,Pune,4350,25-11-2026\r\n"
    "Rakesh Yadav,090000 00007,Nashik,12900,25-11-2026\r\n"
    "सुनीता शर्मा,९०००० ०००८८,Indore,2780,28-11-2026\r\n"
    '"Iyer, Lakshmi",90000-00045,Chennai,104500,25-11-2026\r\n'
    "Imran Qureshi,919000000031,Surat,3415,30-11-2026\r\n"
)


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """Every list with its people, its last import and who uses it; found by name, or by what is up with it."""
    wanted, search = request.GET.get("show", ""), request.GET.get("q", "").strip()
    lists = ContactList.objects.order_by("-created_at", "-pk").prefetch_related("campaigns")
    chosen = lists.filter(pk__in=_SHOWN[wanted]()) if wanted in _SHOWN else lists
    found = chosen.filter(name__icontains=search) if search else chosen
    page = Paginator(found, LISTS_A_PAGE).get_page(request.GET.get("page"))
    shown = list(page.object_list)
    imports = {
        each.contact_list_id: each
        for each in ContactImport.objects.filter(contact_list__in=shown).order_by("created_at", "pk")
    }
    waiting = ContactImport.objects.filter(status__in=UNFINISHED).select_related("contact_list").order_by("pk")
    people = tallies.people_on(ContactList.objects.values_list("pk", flat=True))
    context = {
        "page": page,
        "lists": [(each, people[each.pk], imports.get(each.pk)) for each in shown],
        "people": sum(people.values()),
        "total": len(people),
        "suppressed": tallies.suppressed(),
        "chips": [(name, label, _SHOWN[name]().count()) for name, label in CHIPS],
        "wanted": wanted,
        "q": search,
        "unfinished": waiting[:10],
    }
    return render(request, "lists/index.html", context)


def _in_use() -> QuerySet[ContactList]:
    """Lists that a live campaign calls."""
    return ContactList.objects.filter(campaigns__status__in=LIVE_CAMPAIGNS).distinct()


def _to_look_at() -> QuerySet[ContactList]:
    """Lists whose last file failed or had rows that were rejected."""
    last = ContactImport.objects.filter(contact_list=OuterRef("pk")).order_by("-created_at", "-pk")
    state, rejected = Subquery(last.values("status")[:1]), Subquery(last.values("rejected")[:1])
    marked = ContactList.objects.annotate(last_state=state, last_rejected=rejected)
    return marked.filter(Q(last_state=ImportStatus.FAILED) | Q(last_rejected__gt=0))


CHIPS = (("in-use", "In use"), ("look", "Needs a look"))
_SHOWN: Mapping[str, Callable[[], QuerySet[ContactList]]] = {"in-use": _in_use, "look": _to_look_at}


@require_GET
def show(request: HttpRequest, list_id: int) -> HttpResponse:
    """One list: its people with masked numbers, and the files they came from."""
    contact_list = get_object_or_404(ContactList, pk=list_id)
    page = page_by_id(Contact.objects.all(), {"contact_list_id": list_id}, request.GET)
    sizes = tallies.people_on([list_id])
    columns = contact_list.columns[:COLUMNS_SHOWN]
    context = {
        "contact_list": contact_list,
        "region": phones.region_name(contact_list.region),
        "total": sizes[list_id],
        "suppressed": audience.on_do_not_call([list_id], sizes),
        "columns": columns,
        "page": page,
        "people": [(each, [each.variables.get(name, "") for name in columns]) for each in page.rows],
        "imports": contact_list.imports.select_related("created_by").order_by("-pk")[:20],
    }
    return render(request, "lists/show.html", context)


@require_http_methods(["GET", "POST"])
def upload(request: HttpRequest) -> HttpResponse:
    """The upload form; `?list=` preselects one. A file that can be read goes on to its columns."""
    if request.method == "GET":
        form = UploadForm(initial={"contact_list": request.GET.get("list", ""), "region": "IN"})
        return render(request, "lists/upload.html", {"form": form})
    form = UploadForm(request.POST, request.FILES)
    stored = _receive(form, Actor.of(request.user)) if form.is_valid() else None
    if stored:
        return redirect("import-map", stored.pk)
    return render(request, "lists/upload.html", {"form": form}, status=400)


def _receive(form: UploadForm, by: Actor) -> ContactImport | None:
    file: File[bytes] = form.cleaned_data["file"]
    try:
        return uploads.receive(file, form.target(), by=by)
    except NotACsv as refused:
        form.add_error("file", f"{file.name}: {refused.reason}")
    except NotAList as refused:
        form.add_error("name", str(refused))
    return None


@require_http_methods(["GET", "POST"])
def columns(request: HttpRequest, import_id: int) -> HttpResponse:
    """Choose the columns, with a preview; a POST with `preview` only looks, one without imports the file."""
    contact_import = get_object_or_404(ContactImport.objects.select_related("contact_list"), pk=import_id)
    if contact_import.status != ImportStatus.UPLOADED:
        return redirect("import", import_id)
    try:
        guess = mapping.guess(contact_import)
    except NotACsv as gone:
        return render(request, "lists/gone.html", {"import": contact_import, "reason": gone.reason}, status=410)
    form = ColumnsForm(contact_import, guess, request.POST if request.method == "POST" else None)
    chosen = _chosen(form) if form.is_valid() else None
    if chosen and request.method == "POST" and "preview" not in request.POST:
        uploads.queue(contact_import, *chosen, by=Actor.of(request.user))
        return redirect("import", import_id)
    preview = mapping.preview(contact_import, *chosen) if chosen else None
    context = {
        "import": contact_import,
        "form": form,
        "guess": guess,
        "preview": preview,
        "region": phones.region_name(contact_import.contact_list.region),
        "delimiter": {",": "commas", ";": "semicolons", "\t": "tabs", "|": "pipes"}.get(contact_import.delimiter, ""),
    }
    refused = request.method == "POST" and form.errors and "preview" not in request.POST
    return render(request, "lists/map.html", context, status=400 if refused else 200)


def _chosen(form: ColumnsForm) -> tuple[str, str, Options]:
    return form.cleaned_data["phone_column"], form.cleaned_data["name_column"], form.options()


@require_GET
def show_import(request: HttpRequest, import_id: int) -> HttpResponse:
    """Progress, then the report. The fragment of htmx is the same template; its polling ends with 286."""
    imports = ContactImport.objects.select_related("contact_list", "created_by")
    contact_import = get_object_or_404(imports, pk=import_id)
    if contact_import.status == ImportStatus.UPLOADED:
        return redirect("import-map", import_id)
    ended = contact_import.status in (ImportStatus.DONE, ImportStatus.FAILED)
    kind = request.GET.get("kind", "")
    issues = ImportIssue.objects.filter(kind=kind) if kind else ImportIssue.objects.all()
    context = {
        "import": contact_import,
        "ended": ended,
        "percent": min(99, 100 * contact_import.bytes_read // max(1, contact_import.size)),
        "seconds": _seconds(contact_import),
        "kind": kind,
        "reasons": report.reasons(contact_import) if ended else [],
        "repairs": report.repairs(contact_import) if ended else [],
        "elsewhere": report.on_other_lists(contact_import) if ended else [],
        "page": page_by_id(issues, {"contact_import_id": import_id}, request.GET) if ended else None,
    }
    polled = request.headers.get("HX-Request") == "true"
    template = "lists/_import.html" if polled else "lists/import.html"
    return render(request, template, context, status=HTMX_STOP_POLLING if polled and ended else 200)


def _seconds(contact_import: ContactImport) -> float | None:
    if contact_import.started_at is None or contact_import.finished_at is None:
        return None
    return (contact_import.finished_at - contact_import.started_at).total_seconds()


@require_GET
def rejects(request: HttpRequest, import_id: int) -> StreamingHttpResponse:
    """The rejected rows as CSV, to mend and upload again."""
    contact_import = get_object_or_404(ContactImport, pk=import_id)
    name = f"rejects of {contact_import.file_name.rpartition('.')[0] or contact_import.file_name}.csv"
    return csv_answer(request, report.rejects_csv(contact_import), name)


@require_GET
def sample(request: HttpRequest) -> StreamingHttpResponse:
    """A small list with numbers as people write them."""
    return csv_answer(request, iter([spreadsheets.BOM + SAMPLE]), "sample contacts.csv")
