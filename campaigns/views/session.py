"""Signing in and out, the theme, and whether we are alive."""

from axes.handlers.proxy import AxesProxyHandler
from django.conf import settings
from django.contrib.auth import views as auth
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import NON_FIELD_ERRORS
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_POST

from campaigns.forms.sign_in import SignInForm
from campaigns.views.context import THEMES
from campaigns.views.home import needing

A_YEAR = 365 * 24 * 3600


class SignIn(auth.LoginView):
    """The first page. Wrong passwords are counted by django-axes, which also shows sign_in_locked.html."""

    template_name = "sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        if isinstance(form, SignInForm) and form.has_error(NON_FIELD_ERRORS, "invalid_login"):
            form.say_tries_left(self._tries_left(form))
        return super().form_invalid(form)

    def _tries_left(self, form: SignInForm) -> int:
        failures = AxesProxyHandler.get_failures(self.request, {"username": form.cleaned_data.get("username")})
        return max(0, int(settings.AXES_FAILURE_LIMIT) - int(failures))


def back(request: HttpRequest, otherwise: str = "home") -> HttpResponseRedirect:
    """To the page that the form names in `next`, if it is one of ours."""
    target = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return HttpResponseRedirect(target if safe else resolve_url(otherwise))


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Keep the chosen theme in a cookie for a year."""
    chosen = request.POST.get("theme", "")
    response = back(request)
    if chosen in THEMES:
        response.set_cookie("theme", chosen, max_age=A_YEAR, samesite="Lax", secure=settings.HTTPS, httponly=True)
    return response


@require_GET
def account_pulse(request: HttpRequest) -> HttpResponse:
    """Is it dialling, and how many things need somebody: asked for by every page, at once and every five seconds."""
    return render(request, "_account_pulse.html", {"needs": needing()})


@login_not_required
@require_GET
def health(request: HttpRequest) -> JsonResponse:
    """200 {"ok": true} when the database answers, 503 otherwise; for load balancers and supervisors."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return JsonResponse({"ok": False, "why": "The database does not answer."}, status=503)
    return JsonResponse({"ok": True})
