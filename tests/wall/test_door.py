"""What a link opens, what goes with it, and that it opens nothing else in the whole site."""

import logging
import sys
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from datacenter.wall import door
from datacenter.wall.door import HidesLinks, hidden
from tests.factory import make_host, make_vm
from tests.wall.displays import make_display

pytestmark = pytest.mark.django_db
KEPT = {"uuid": "6b8a2f1c-1111-4222-8333-944455556666"}


def patterns(entries, prefix=""):
    for entry in entries:
        if isinstance(entry, URLResolver):
            yield from patterns(entry.url_patterns, prefix + str(entry.pattern))
        elif isinstance(entry, URLPattern):
            yield entry, prefix + str(entry.pattern)


def addresses(link):
    """Every address of the site once, with something in the place of each parameter."""
    for entry, route in patterns(get_resolver().url_patterns):
        path = "/" + route.replace("^", "").replace("$", "")
        for name, converter in entry.pattern.converters.items():
            kind = type(converter).__name__.removesuffix("Converter").lower()
            kind = {"string": "str"}.get(kind, kind)
            value = {"int": "1", "uuid": KEPT["uuid"]}.get(kind, link)
            path = path.replace(f"<{kind}:{name}>", value).replace(f"<{name}>", value)
        yield path


def test_it_shows_its_page_to_a_stranger_with_the_link(client):
    _, link = make_display("left")
    answer = client.get(f"/wall/{link}")
    assert answer.status_code == 200
    assert "left" in answer.content.decode()


def test_it_reads_no_cookie_and_sets_none(client, django_user_model, django_assert_num_queries):
    _, link = make_display()
    client.force_login(django_user_model.objects.create_superuser("root"))
    with django_assert_num_queries(1):  # the display: no session, no user
        answer = client.get(f"/wall/{link}")
    assert not answer.cookies
    assert "Set-Cookie" not in answer.headers
    assert "Cookie" not in answer.headers.get("Vary", "")
    assert not client.get("/wall/nothing/of/this/kind").cookies


def test_it_tells_nobody_its_address(client):
    _, link = make_display()
    for path in (f"/wall/{link}", "/wall/aaaaaaaaaa." + "b" * 43):
        answer = client.get(path)
        assert answer["Referrer-Policy"] == "no-referrer"
        assert answer["Cache-Control"] == "no-store"
        assert "script-src 'self'" in answer["Content-Security-Policy"]
        assert "unsafe" not in answer["Content-Security-Policy"]
        page = answer.content.decode()
        assert " style=" not in page
        assert page.count("<script") == page.count('<script src="')
        assert "<a " not in page
        assert "<form" not in page


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "options"])
def test_it_can_only_be_looked_at(method):
    _, link = make_display()
    answer = getattr(Client(enforce_csrf_checks=True), method)(f"/wall/{link}")
    assert answer.status_code in (403, 405)
    assert not answer.cookies


def test_it_says_calmly_why_there_is_nothing(client):
    now = timezone.now()
    _, old = make_display(expires_at=now - timedelta(days=1))
    _, ended = make_display(revoked_at=now)
    assert client.get("/wall/aaaaaaaaaa." + "b" * 43).status_code == 404
    for link, words in ((old, "was good until"), (ended, "An administrator has ended this display")):
        answer = client.get(f"/wall/{link}")
        assert answer.status_code == 410
        assert words in answer.content.decode()
        assert "<script" not in answer.content.decode()


def test_it_opens_no_other_address_of_the_site_however_it_is_shown():
    """In the address, as a parameter, as a token, as a password, as a session: wherever a key might be looked for."""
    _, link = make_display()
    make_vm("secret-vm", host=make_host("secret-host"))
    refused = 0
    for path in addresses(link):
        if path.startswith("/wall/"):
            continue
        stranger = {each: getattr(Client(), each)(path).status_code for each in ("get", "post")}
        client = Client()
        client.cookies["sessionid"] = link
        for headers in ({"Authorization": f"Bearer {link}"}, {"X-API-Key": link, "Cookie": f"wall={link}"}):
            for method in stranger:
                answer = getattr(client, method)(path, {"token": link, "link": link}, headers=headers)
                known = (302, 400, 401, 403, 404, 405, 422, 429, stranger[method])
                assert answer.status_code in known, (path, answer.status_code)
                refused += answer.status_code != 200
                if answer.status_code == 302:
                    assert "/login" in answer["Location"] or stranger[method] == 302, path
                assert not getattr(answer, "streaming", False), path
                assert b"secret-" not in answer.content, path
    assert refused > 200


def test_what_a_link_opens_is_its_page_alone():
    _, link = make_display()
    opened = [
        path for path in set(addresses(link)) if path.startswith("/wall/") and Client().get(path).status_code == 200
    ]
    assert opened == [f"/wall/{link}"]


def test_it_keeps_links_out_of_logs(caplog):
    _, link = make_display()
    assert hidden(f"GET /wall/{link} HTTP/1.1") == "GET /wall/… HTTP/1.1"
    assert hidden("/walls/3") == "/walls/3"
    record = logging.LogRecord(
        "uvicorn.access", 20, "", 1, '%s - "%s %s" %d', ("1.2.3.4", "GET", f"/wall/{link}", 200), None
    )
    HidesLinks().filter(record)
    assert link not in record.getMessage()
    assert "/wall/…" in record.getMessage()
    try:
        raise KeyError(f"/wall/{link}")
    except KeyError:
        record = logging.LogRecord("django.request", 40, "", 1, "Failed", (), sys.exc_info())
    HidesLinks().filter(record)
    assert link not in logging.Formatter().format(record)


def test_uvicorns_own_logs_hide_them_too():
    door.keep_links_out_of_logs()
    door.keep_links_out_of_logs()
    for name in ("uvicorn.access", "uvicorn.error"):
        assert sum(isinstance(each, HidesLinks) for each in logging.getLogger(name).filters) == 1
