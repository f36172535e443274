"""Who signs in: the list, adding, switching off and on, and one's own password."""

from typing import Any

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from campaigns import audit
from campaigns import users as signers
from campaigns.audit import Actor
from campaigns.forms.users import MailForm, OwnPasswordForm, UserForm
from campaigns.models import User
from campaigns.refusals import NotAllowed


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    return _page(request)


@never_cache
@require_POST
def add(request: HttpRequest) -> HttpResponse:
    """The password stands on the answer to this request and nowhere else."""
    only_managers(request)
    form = UserForm(request.POST)
    if not form.is_valid():
        return _page(request, form=form, status=400)
    try:
        user, password = signers.add(**form.cleaned_data, by=Actor.of(request.user))
    except NotAllowed as refused:
        form.add_error("username", str(refused))
        return _page(request, form=form, status=400)
    return _page(request, shown=(user, password))


@never_cache
@require_POST
def new_password(request: HttpRequest, user_id: int) -> HttpResponse:
    """For somebody who forgot theirs; shown once as well."""
    only_managers(request)
    get_object_or_404(User, pk=user_id)
    return _page(request, shown=signers.new_password(user_id, by=Actor.of(request.user)))


@require_POST
def switch(request: HttpRequest, user_id: int) -> HttpResponse:
    only_managers(request)
    get_object_or_404(User, pk=user_id)
    on = request.POST.get("on") == "yes"
    try:
        user = signers.switch(user_id, on=on, by=Actor.of(request.user))
    except NotAllowed as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, f"{user} can sign in again." if on else f"{user} can no longer sign in.")
    return redirect("users")


@require_POST
def own_password(request: HttpRequest) -> HttpResponse:
    user = _user(request)
    form = OwnPasswordForm(user, request.POST)
    if not form.is_valid():
        return _page(request, own=form, status=400)
    form.save()
    update_session_auth_hash(request, user)
    audit.record(Actor.of(user), "own password", f"user:{user.pk}")
    messages.success(request, "Your password is changed. Other browsers are signed out.")
    return redirect("users")


@require_POST
def own_mail(request: HttpRequest) -> HttpResponse:
    """Where one's own mail goes, and whether there is any when a campaign stalls."""
    user = _user(request)
    form = MailForm(request.POST)
    if not form.is_valid():
        return _page(request, mail=form, status=400)
    signers.want_mail(user.pk, **form.cleaned_data, by=Actor.of(user))
    messages.success(request, "Kept.")
    return redirect("users")


def _user(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def only_managers(request: HttpRequest) -> None:
    """403 for somebody who does not manage users and accounts."""
    if not _user(request).is_staff:
        raise PermissionDenied


def _page(
    request: HttpRequest,
    *,
    form: UserForm | None = None,
    own: OwnPasswordForm | None = None,
    mail: MailForm | None = None,
    shown: tuple[User, str] | None = None,
    status: int = 200,
) -> HttpResponse:
    context: dict[str, Any] = {
        "form": form or UserForm(),
        "own": own or OwnPasswordForm(_user(request)),
        "mail": mail or MailForm(initial={"email": _user(request).email, "on_stall": _user(request).mail_on_stall}),
        "shown": shown,
        "users": User.objects.order_by("-is_active", "username"),
        "manages": _user(request).is_staff,
        "tab": "users",
    }
    return render(request, "settings/users.html", context, status=status)
