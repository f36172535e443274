"""Who signs in, and the audit of what they do."""

import re

from django.test import Client

from campaigns.models import AuditEntry, User
from tests.pages import world


def _made(client: Client, **changes: str) -> str:
    """The password on the page after adding Asha."""
    page = client.post("/settings/users/add", {"username": "asha", "first_name": "Asha", **changes}).content.decode()
    found = re.search(r'id="shown-password">([^<]+)<', page)
    return found[1] if found else page


def test_a_new_user_signs_in_with_the_password_that_is_shown_once(client_of_ravi: Client) -> None:
    password = _made(client_of_ravi)
    signed_in = Client().post("/sign-in", {"username": "asha", "password": password})
    assert signed_in.status_code == 302
    assert password not in client_of_ravi.get("/settings/users").content.decode()
    assert password not in str(AuditEntry.objects.get(action="add user").details)


def test_a_name_in_use_is_refused_in_words(client_of_ravi: Client) -> None:
    _made(client_of_ravi)
    assert "There is a user “asha” already." in _made(client_of_ravi)


def test_who_does_not_manage_users_sees_the_list_and_may_change_nothing(client_of_meera: Client, meera: User) -> None:
    page = client_of_meera.get("/settings/users").content.decode()
    assert "Meera Kulkarni" in page
    assert "Add somebody" not in page
    acts = ("add", f"{meera.pk}/switch", f"{meera.pk}/new-password")
    assert [client_of_meera.post(f"/settings/users/{act}").status_code for act in acts] == [403, 403, 403]


def test_somebody_switched_off_is_out_at_once_and_can_be_let_in_again(
    client_of_ravi: Client, client_of_meera: Client, meera: User
) -> None:
    client_of_ravi.post(f"/settings/users/{meera.pk}/switch", {"on": "no"})
    assert client_of_meera.get("/").status_code == 302
    client_of_ravi.post(f"/settings/users/{meera.pk}/switch", {"on": "yes"})
    meera.refresh_from_db()
    assert meera.is_active
    assert AuditEntry.objects.filter(action__startswith="switch user").count() == 2


def test_nobody_switches_themselves_off(client_of_ravi: Client) -> None:
    ravi = User.objects.get(username="ravi")
    page = client_of_ravi.post(f"/settings/users/{ravi.pk}/switch", {"on": "no"}, follow=True).content.decode()
    assert "You cannot switch yourself off." in page
    ravi.refresh_from_db()
    assert ravi.is_active


def test_a_forgotten_password_is_replaced(client_of_ravi: Client, meera: User) -> None:
    page = client_of_ravi.post(f"/settings/users/{meera.pk}/new-password").content.decode()
    password = re.findall(r'id="shown-password">([^<]+)<', page)[0]
    assert Client().post("/sign-in", {"username": "meera", "password": password}).status_code == 302


def test_ones_own_password_is_changed_and_the_browser_stays_signed_in(client_of_meera: Client, meera: User) -> None:
    new = "an even longer secret 7"
    sent = {"old_password": "a long enough secret", "new_password1": new, "new_password2": new}
    assert client_of_meera.post("/settings/users/own-password", sent).status_code == 302
    assert client_of_meera.get("/").status_code == 200
    meera.refresh_from_db()
    assert meera.check_password(new)


def test_a_wrong_old_password_changes_nothing(client_of_meera: Client, meera: User) -> None:
    sent = {"old_password": "wrong", "new_password1": "an even longer secret 7", "new_password2": "x"}
    page = client_of_meera.post("/settings/users/own-password", sent).content.decode()
    assert "This is not your password of now." in page
    assert "The two new passwords differ." in page


# ------------------------------------------------------------------------------------------------------------- audit
def test_the_audit_says_who_did_what_and_leads_there(client_of_meera: Client) -> None:
    campaign = world.draft(world.account(), world.people())
    client_of_meera.post(f"/campaigns/{campaign.pk}/launch")
    page = client_of_meera.get("/settings/audit").content.decode()
    assert "Launch" in page
    assert "Meera Kulkarni" in page
    assert f'href="/campaigns/{campaign.pk}/"' in page


def test_the_audit_is_filtered_by_act_person_and_thing(client_of_meera: Client) -> None:
    for number in range(3):
        AuditEntry.objects.create(actor_name=f"Person {number}", action=f"act {number}", subject=f"campaign:{number}")
    for query in ("action=act+1", "who=person+1", "subject=campaign:1"):
        page = client_of_meera.get(f"/settings/audit?{query}").content.decode()
        assert ["campaign:1</a>" in page, "campaign:2</a>" in page] == [True, False]
    assert "No act matches." in client_of_meera.get("/settings/audit?who=nobody").content.decode()


def test_the_audit_pages_on_by_key_and_masks_numbers(client_of_meera: Client) -> None:
    AuditEntry.objects.bulk_create(
        AuditEntry(actor_name="x", action="a", subject=f"call:{n}", details={"to": "+919000000012"}) for n in range(60)
    )
    first = client_of_meera.get("/settings/audit?action=a").content.decode()
    older = re.findall(r'href="\?([^"]*before=\d+[^"]*)"', first)[0].replace("&amp;", "&")
    second = client_of_meera.get(f"/settings/audit?{older}").content.decode()
    assert (first.count("call:"), second.count("call:9</a>")) == (50 + first.count('call:12"'), 1)
    assert "9000000012" not in first


def test_one_may_want_mail_when_a_campaign_stalls_but_needs_an_address(client_of_meera: Client, meera: User) -> None:
    refused = client_of_meera.post("/settings/users/own-mail", {"email": "", "on_stall": "on"})
    assert refused.status_code == 400
    assert "Enter the address that the mail shall go to." in refused.content.decode()
    client_of_meera.post("/settings/users/own-mail", {"email": "meera@example.com", "on_stall": "on"})
    meera.refresh_from_db()
    assert (meera.email, meera.mail_on_stall) == ("meera@example.com", True)
