"""Addresses of the pages and of the carrier's doors."""

from django.contrib.auth.views import LogoutView
from django.urls import URLPattern, URLResolver, path
from django.views.generic import RedirectView

from campaigns.views import (
    accounts,
    audit_log,
    call,
    call_filters,
    calls,
    campaign_contacts,
    campaign_form,
    campaigns,
    contact,
    do_not_call,
    doctor,
    flow_addresses,
    home,
    launched,
    lists,
    live,
    recordings,
    review,
    session,
    settings,
    users,
)

# Slashes matter where a page has pages below it; the bare word leads there.
BARE = ("campaigns", "lists", "calls", "do-not-call", "settings")
NUMBERED = ("campaigns", "lists", "imports", "calls", "contacts", "settings/accounts")

urlpatterns: list[URLPattern | URLResolver] = [
    path("", home.home, name="home"),
    path("health", session.health, name="health"),
    path("sign-in", session.SignIn.as_view(), name="sign-in"),
    path("sign-out", LogoutView.as_view(), name="sign-out"),
    path("me/theme", session.theme, name="theme"),
    path("fragments/account-pulse", session.account_pulse, name="account-pulse"),
    path("campaigns/", campaigns.index, name="campaigns"),
    path("campaigns/new", campaign_form.new, name="campaign-new"),
    path("campaigns/<int:campaign_id>/", live.show, name="campaign"),
    path("campaigns/<int:campaign_id>/edit", campaign_form.edit, name="campaign-edit"),
    path("campaigns/<int:campaign_id>/edit/<slug:step>", campaign_form.edit, name="campaign-edit-step"),
    path("campaigns/<int:campaign_id>/call-me", review.call_me, name="campaign-call-me"),
    path("campaigns/<int:campaign_id>/schedule", review.schedule, name="campaign-schedule"),
    path("campaigns/<int:campaign_id>/launch", campaigns.launch, name="campaign-launch"),
    path("campaigns/<int:campaign_id>/pause", campaigns.pause, name="campaign-pause"),
    path("campaigns/<int:campaign_id>/resume", campaigns.resume, name="campaign-resume"),
    path("campaigns/<int:campaign_id>/stop", campaigns.stop, name="campaign-stop"),
    path("campaigns/<int:campaign_id>/pace", campaigns.adjust, name="campaign-pace"),
    path("campaigns/<int:campaign_id>/duplicate", campaigns.duplicate, name="campaign-duplicate"),
    path("campaigns/<int:campaign_id>/dial-uncertain", campaigns.dial_uncertain, name="campaign-dial-uncertain"),
    path("campaigns/<int:campaign_id>/contacts", campaign_contacts.contacts, name="campaign-contacts"),
    path("campaigns/<int:campaign_id>/history", launched.history, name="campaign-history"),
    path("campaigns/<int:campaign_id>/plan", launched.plan, name="campaign-plan"),
    path("lists/", lists.index, name="lists"),
    path("lists/upload", lists.upload, name="list-upload"),
    path("lists/sample.csv", lists.sample, name="list-sample"),
    path("lists/<int:list_id>/", lists.show, name="list"),
    path("imports/<int:import_id>/", lists.show_import, name="import"),
    path("imports/<int:import_id>/map", lists.columns, name="import-map"),
    path("imports/<int:import_id>/rejects.csv", lists.rejects, name="import-rejects"),
    path("calls/", calls.index, name="calls"),
    path("calls/filters", call_filters.change, name="call-filters"),
    path("calls/export", calls.export, name="calls-export"),
    path("calls/<int:attempt_id>/", call.show, name="call"),
    path("calls/<int:attempt_id>/note", call.note, name="call-note"),
    path("calls/<int:attempt_id>/hang-up", call.hang_up, name="call-hang-up"),
    path("calls/<int:attempt_id>/conversation.txt", call.conversation, name="call-conversation"),
    path("calls/<int:attempt_id>/recording", recordings.play, name="recording"),
    path("calls/<int:attempt_id>/recording/download", recordings.download, name="recording-download"),
    path("calls/<int:attempt_id>/recording/refetch", recordings.refetch, name="recording-refetch"),
    path("calls/recordings-missing", recordings.missing, name="recordings-missing"),
    path("contacts/find", contact.find, name="contact-find"),
    path("contacts/<int:contact_id>/", contact.show, name="contact"),
    path("contacts/of-call/<int:attempt_id>/", contact.of_call, name="contact-of-call"),
    path("contacts/in-campaign/<int:enrolment_id>/", contact.in_campaign, name="contact-in-campaign"),
    path("do-not-call/", do_not_call.index, name="do-not-call"),
    path("settings/", settings.show, name="settings"),
    path("settings/flow-addresses", flow_addresses.show, name="flow-addresses"),
    path("settings/flow-addresses/<int:account_id>/<slug:purpose>", flow_addresses.rotate, name="flow-address-rotate"),
    path("settings/doctor", doctor.show, name="doctor"),
    path("settings/doctor/<slug:name>", doctor.check, name="doctor-check"),
    path("settings/users", users.index, name="users"),
    path("settings/users/add", users.add, name="user-add"),
    path("settings/users/own-mail", users.own_mail, name="own-mail"),
    path("settings/users/own-password", users.own_password, name="own-password"),
    path("settings/users/<int:user_id>/switch", users.switch, name="user-switch"),
    path("settings/users/<int:user_id>/new-password", users.new_password, name="user-password"),
    path("settings/audit", audit_log.index, name="audit"),
    path("settings/accounts/<int:account_id>/", accounts.edit, name="account-edit"),
    path("settings/accounts/<int:account_id>/test", accounts.test_connection, name="account-test"),
    path("settings/accounts/<int:account_id>/call-my-phone", accounts.trial, name="trial"),
    path("settings/trial-calls/<int:campaign_id>", accounts.trial_call, name="trial-call"),
    path("settings/accounts/<int:account_id>/lift-hold", settings.lift_hold, name="account-lift-hold"),
]
urlpatterns += [path(word, RedirectView.as_view(url=f"/{word}/")) for word in BARE]
urlpatterns += [
    path(f"{word}/<int:number>", RedirectView.as_view(url=f"/{word}/%(number)s/", query_string=True))
    for word in NUMBERED
]
