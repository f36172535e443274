"""manage.py import_contacts: what scripts depend on."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import override_settings

from campaigns.models import Contact, ContactImport, ContactList

pytestmark = pytest.mark.django_db
PEOPLE = "Name,Mobile,City\nRavi,98765 43210,Pune\nAsha,9.19877E+11,Pune\nRavi,09876543210,Pune\n"


@pytest.fixture(autouse=True)
def _media(tmp_path: Path) -> Iterator[None]:
    with override_settings(MEDIA_ROOT=tmp_path / "media"):
        yield


@pytest.fixture
def people(tmp_path: Path) -> str:
    file = tmp_path / "people.csv"
    file.write_text(PEOPLE, encoding="utf-8")
    return str(file)


def run(*args: str) -> str:
    out = StringIO()
    call_command("import_contacts", *args, stdout=out)
    return out.getvalue()


def test_json_is_one_object_with_the_promised_keys(people: str) -> None:
    out = run(people, "--list", "Pune", "--json")
    assert json.loads(out) == {"list": "Pune", "rows": 3, "imported": 1, "duplicates": 1, "rejected": 1}
    assert out.count("\n") == 1
    assert Contact.objects.get().variables == {"City": "Pune"}
    assert ContactImport.objects.get().status == "done"


def test_without_json_it_is_a_sentence_and_examples(people: str) -> None:
    out = run(people, "--list", "Pune")
    assert out.startswith("3 rows = 1 imported + 1 duplicates + 1 rejected, into the list “Pune”.")
    assert "line 3: Excel shortened the number" in out


def test_a_second_file_is_appended(people: str) -> None:
    run(people, "--list", "Pune")
    assert json.loads(run(people, "--list", "Pune", "--json"))["duplicates"] == 2
    assert ContactList.objects.count() == 1


def test_the_region_and_the_phone_column_can_be_given(tmp_path: Path) -> None:
    file = tmp_path / "sg.csv"
    file.write_text("Home,Handphone\n6123 4567,8123 4567\n", encoding="utf-8")
    run(str(file), "--list", "Singapore", "--region", "sg", "--phone-column", "Handphone")
    assert Contact.objects.get().phone == "+6581234567"
    assert ContactList.objects.get().region == "SG"


@pytest.mark.parametrize(
    ("content", "args", "words"),
    [
        (None, [], "No such file"),
        (b"%PDF-1.4", [], "This is a PDF"),
        (b"Name,Mobile\n", [], "no rows"),
        (b"City,Remark\nPune,x\n", [], "Its columns are “City”, “Remark”"),
        (PEOPLE.encode(), ["--phone-column", "Phone"], "no column “Phone”. Its columns are “Name”, “Mobile”, “City”"),
        (PEOPLE.encode(), ["--region", "XX"], "not a country code"),
        (PEOPLE.encode(), ["--list", " "], "Give the list a name"),
    ],
)
def test_a_refusal_is_a_sentence_and_leaves_nothing(
    tmp_path: Path, content: bytes | None, args: list[str], words: str
) -> None:
    file = tmp_path / "people.csv"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(CommandError, match=words):
        run(str(file), "--list", "Pune", *args)
    assert not ContactList.objects.exists()


def test_a_region_that_contradicts_the_list_is_refused(people: str) -> None:
    run(people, "--list", "Pune")
    with pytest.raises(CommandError, match="contradicts"):
        run(people, "--list", "Pune", "--region", "SG")


def test_as_a_process_a_refusal_is_status_1_and_the_sentence_alone(tmp_path: Path) -> None:
    refused = subprocess.run(
        [sys.executable, "manage.py", "import_contacts", str(tmp_path / "none.csv"), "--list", "Pune", "--json"],
        cwd=settings.BASE_DIR,
        env=os.environ | {"STATE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "No such file" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1


def test_columns_can_be_given_their_roles_and_landlines_be_left_out(tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    rows = "Ravi,9876543210,020 2553 1234,LN1,5\nAsha,020 2553 1235,,LN2,x\n"
    file.write_text("Who,First,Second,Loan,Score\n" + rows, encoding="utf-8")
    roles = ("Who=name", "First=phone", "Second=other-phone", "Loan=id", "Score=number")
    given = [word for role in roles for word in ("--map", role)]
    assert json.loads(run(str(file), "--list", "All", "--json", *given))["imported"] == 2
    ravi, asha = Contact.objects.order_by("line")
    assert (ravi.name, ravi.alternatives, ravi.external_id, ravi.flag) == ("Ravi", ["+912025531234"], "LN1", "")
    assert asha.flag == "Score: “x” is no number"
    told = json.loads(run(str(file), "--list", "Mobiles", "--json", *given, "--only-mobiles"))
    assert (told["imported"], told["rejected"]) == (1, 1)
    told = json.loads(run(str(file), "--list", "Strict", "--json", *given, "--reject-wrong-values"))
    assert (told["imported"], told["rejected"]) == (1, 1)


@pytest.mark.parametrize("given", ["Mobile=fax", "Fax=phone", "Mobile"])
def test_a_role_that_there_is_not_is_refused(people: str, given: str) -> None:
    with pytest.raises(CommandError, match=r"role|no column"):
        run(people, "--list", "Pune", "--map", given)


def test_a_list_is_merged_or_replaced_by_a_later_file(people: str, tmp_path: Path) -> None:
    run(people, "--list", "Pune")
    later = tmp_path / "later.csv"
    later.write_text("Name,Mobile,City\nRavi K,98765 43210,Goa\nMeera,9000000001,Pune\n", encoding="utf-8")
    run(str(later), "--list", "Pune", "--merge", "--name", "March")
    assert dict(Contact.objects.values_list("name", "variables__City")) == {"Ravi K": "Goa", "Meera": "Pune"}
    assert str(ContactImport.objects.latest("pk")) == "March"
    last = tmp_path / "last.csv"
    last.write_text("Name,Mobile\nMeera,9000000001\n", encoding="utf-8")
    run(str(last), "--list", "Pune", "--replace")
    assert Contact.objects.get().name == "Meera"
    with pytest.raises(CommandError, match="--by-id needs a column"):
        run(str(last), "--list", "Pune", "--merge", "--by-id")


def test_a_file_that_would_take_most_of_a_list_off_it_says_how_many_and_how_to_agree(
    people: str, tmp_path: Path
) -> None:
    run(people, "--list", "Pune")
    last = tmp_path / "last.csv"
    last.write_text("Name,Mobile\nMeera,9000000001\n", encoding="utf-8")
    with pytest.raises(CommandError, match=r"1 person would leave .* say --leaving 1\."):
        run(str(last), "--list", "Pune", "--replace")
    assert Contact.objects.count() == 2
    run(str(last), "--list", "Pune", "--replace", "--leaving", "1")
    assert Contact.objects.get().name == "Meera"


def test_the_same_file_twice_is_told_and_imported_all_the_same(people: str) -> None:
    run(people, "--list", "Pune")
    told = StringIO()
    call_command("import_contacts", people, "--list", "Other", stdout=StringIO(), stderr=told)
    assert "imported before, into “Pune”" in told.getvalue()
    assert Contact.objects.count() == 2
