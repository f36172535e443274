"""Contact lists: all of them, and the upload of a file for one."""

from collections.abc import Callable, Mapping

from django.conf import settings
from django.core.files import File
from django.core.paginator import Paginator
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from campaigns import spreadsheets, tallies
from campaigns.audit import Actor
from campaigns.forms.lists import UploadForm
from campaigns.importing import uploads
from campaigns.importing.reading import NotACsv
from campaigns.importing.uploads import NotAList
from campaigns.lifecycle import DUE_IMPORTS, LIVE_CAMPAIGNS, ImportStatus
from campaigns.models import ContactImport, ContactList
from campaigns.views.downloads import csv_answer

LISTS_A_PAGE = 25
UNFINISHED = (ImportStatus.UPLOADED, *DUE_IMPORTS)

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
        "most": settings.UPLOAD_MAX_BYTES,
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


@require_http_methods(["GET", "POST"])
def upload(request: HttpRequest) -> HttpResponse:
    """The upload form; `?list=` preselects one. A file that can be read goes on to its columns."""
    if request.method == "GET":
        form = UploadForm(initial={"contact_list": request.GET.get("list", ""), "region": "IN"})
        return _upload_page(request, form)
    form = UploadForm(request.POST, request.FILES)
    stored = _receive(form, Actor.of(request.user)) if form.is_valid() else None
    if stored:
        return redirect("import-map", stored.pk)
    return _upload_page(request, form, status=400)


def _upload_page(request: HttpRequest, form: UploadForm, status: int = 200) -> HttpResponse:
    return render(request, "lists/upload.html", {"form": form, "most": settings.UPLOAD_MAX_BYTES}, status=status)


def _receive(form: UploadForm, by: Actor) -> ContactImport | None:
    file: File[bytes] = form.cleaned_data["file"]
    try:
        return uploads.receive(file, form.target(), by=by)
    except NotACsv as refused:
        form.add_error("file", f"{file.name}: {refused.reason}")
    except NotAList as refused:
        form.add_error("name", str(refused))
    return None


@require_GET
def sample(request: HttpRequest) -> StreamingHttpResponse:
    """A small list with numbers as people write them."""
    return csv_answer(request, iter([spreadsheets.BOM + SAMPLE]), "sample contacts.csv")
