"""Addresses of the pages and of the carrier's doors."""

from django.contrib.auth.views import LogoutView
from django.urls import URLPattern, URLResolver, path
from django.views.generic import RedirectView

from campaigns.views import session, soon

# Slashes matter where a page has pages below it; the bare word leads there.
BARE = ("campaigns", "lists", "calls", "do-not-call", "settings")

urlpatterns: list[URLPattern | URLResolver] = [
    path("", soon.page, name="home"),
    path("health", session.health, name="health"),
    path("sign-in", session.SignIn.as_view(), name="sign-in"),
    path("sign-out", LogoutView.as_view(), name="sign-out"),
    path("me/theme", session.theme, name="theme"),
    path("fragments/account-pulse", session.account_pulse, name="account-pulse"),
    path("campaigns/", soon.page, name="campaigns"),
    path("campaigns/new", soon.page, name="campaign-new"),
    path("campaigns/<int:campaign_id>/", soon.page, name="campaign"),
    path("campaigns/<int:campaign_id>/edit", soon.page, name="campaign-edit"),
    path("campaigns/<int:campaign_id>/launch", soon.page, name="campaign-launch"),
    path("campaigns/<int:campaign_id>/pause", soon.page, name="campaign-pause"),
    path("campaigns/<int:campaign_id>/resume", soon.page, name="campaign-resume"),
    path("campaigns/<int:campaign_id>/stop", soon.page, name="campaign-stop"),
    path("campaigns/<int:campaign_id>/duplicate", soon.page, name="campaign-duplicate"),
    path("campaigns/<int:campaign_id>/contacts", soon.page, name="campaign-contacts"),
    path("calls/", soon.page, name="calls"),
    path("calls/export", soon.page, name="calls-export"),
    path("calls/<int:attempt_id>/", soon.page, name="call"),
    path("do-not-call/", soon.page, name="do-not-call"),
    path("settings/", soon.page, name="settings"),
]
urlpatterns += [path(word, RedirectView.as_view(url=f"/{word}/")) for word in BARE]
