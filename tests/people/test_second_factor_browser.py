"""In a real browser: an authenticator app, recovery codes, and passkeys on Chromium's virtual authenticator …"""

import re
import time
from collections.abc import Iterator

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from playwright.sync_api import Browser, Page, expect

from datacenter.models import User
from hosts.models import Event
from tests.browser.conftest import browser as browser
from tests.browser.serving import Server
from tests.people.conftest import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(scope="module")
def _door(django_db_setup: None, django_db_blocker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with django_db_blocker.unblock():
        server = Server(log=tmp_path_factory.mktemp("web") / "uvicorn.log").start()
    server.url = server.url.replace("127.0.0.1", "localhost")  # passkeys belong to a name, never to an address
    yield server
    server.stop()


@pytest.fixture
def door(transactional_db: None, _door: Server) -> Server:
    return _door


@pytest.fixture
def page(browser: Browser, door: Server) -> Iterator[Page]:
    mistakes: list[str] = []
    opened = browser.new_context(base_url=door.url)
    page = opened.new_page()
    page.on("pageerror", lambda error: mistakes.append(str(error)))
    page.on("console", lambda said: mistakes.append(said.text) if "Content Security" in said.text else None)
    yield page
    opened.close()
    assert not mistakes


@pytest.fixture
def mary(transactional_db: None) -> User:
    return User.objects.create_user("mary", password=PASSWORD)


def log_in(page: Page, *, refused: bool = False) -> None:
    page.goto("/login")
    page.get_by_label("User name").fill("mary")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in", exact=True).click()
    if not refused:
        page.wait_for_url(re.compile(r"(/login/second|:\d+/)$"))


def prove(page: Page) -> None:
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Go on").click()
    page.wait_for_url(re.compile(r"/account/(app|passkeys/.*)$"))


def code(secret: str, *, later: int = 0) -> str:
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + later))


def test_it_asks_for_the_app_after_the_password_and_takes_a_recovery_code_once(page: Page, mary: User) -> None:
    log_in(page)
    page.goto("/account")
    page.get_by_role("link", name="Set up…").click()
    prove(page)
    secret = page.locator(".secret").inner_text()
    expect(page.get_by_alt_text("The key as a picture")).to_be_visible()
    page.get_by_label("The six digits").fill("000000")
    page.get_by_role("button", name="Set up").click()
    expect(page.locator("#e-code")).to_be_visible()
    assert page.locator(".secret").inner_text() == secret
    page.get_by_label("The six digits").fill(code(secret))
    page.get_by_role("button", name="Set up").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    spare = page.locator(".codes code").first.inner_text()
    kept = Authenticator.objects.filter(user=mary).values_list("data", flat=True)
    assert secret not in str(list(kept))  # encrypted

    page.context.clear_cookies()
    log_in(page)
    expect(page.get_by_role("heading", name="Second step")).to_be_visible()
    assert page.goto("/vms").url.endswith("/login?next=/vms")  # half signed in is not signed in
    page.goto("/login/second")
    page.get_by_label("Code").fill("123456")
    page.get_by_role("button", name="Log in").click()
    expect(page.locator("#e-code")).to_contain_text("not right")
    page.get_by_label("Code").fill(code(secret, later=1))
    page.get_by_role("button", name="Log in").click()
    expect(page).to_have_url(re.compile(r"localhost:\d+/$"))

    for outcome in (re.compile(r"/$"), re.compile(r"/login/second$")):
        page.context.clear_cookies()
        log_in(page)
        page.get_by_label("Code").fill(spare)
        page.get_by_role("button", name="Log in").click()
        expect(page).to_have_url(outcome)
    told = set(Event.objects.filter(noun="user").values_list("verb", flat=True))
    assert {"second_factor_added", "sign_in", "sign_in_failed"} <= told
    assert Event.objects.filter(verb="sign_in", because__contains="authenticator app").exists()


def test_it_locks_out_who_guesses_codes(page: Page, mary: User) -> None:
    from allauth.mfa.totp.internal.auth import generate_totp_secret
    from allauth.mfa.utils import encrypt

    secret = encrypt(generate_totp_secret())
    Authenticator.objects.create(user=mary, type=Authenticator.Type.TOTP, data={"secret": secret})
    log_in(page)
    for _ in range(5):
        page.get_by_label("Code").fill("123456")
        page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_contain_text("Too many failed tries")
    log_in(page, refused=True)
    expect(page.get_by_role("alert")).to_contain_text("Too many failed tries")
    assert Event.objects.filter(verb="lock_out", name="mary").count() == 1


def test_it_takes_a_passkey_in_place_of_the_password_and_as_second_factor(page: Page, mary: User) -> None:
    wire = page.context.new_cdp_session(page)
    wire.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    options |= {"isUserVerified": True, "automaticPresenceSimulation": True}
    wire.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    log_in(page)
    page.goto("/account")
    page.get_by_role("link", name="Add a passkey…").click()
    prove(page)
    page.get_by_label("What it is called").fill("Laptop")
    page.get_by_role("button", name="Add it").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    page.goto("/account")
    expect(page.get_by_text("Laptop")).to_be_visible()

    page.context.clear_cookies()
    page.goto("/login?next=/hosts")
    page.get_by_role("button", name="Log in with a passkey").click()
    expect(page).to_have_url(re.compile(r"/hosts$"))
    assert Event.objects.filter(verb="sign_in", because__startswith="By passkey, from").exists()

    page.context.clear_cookies()
    log_in(page)
    page.get_by_role("button", name="Use a passkey").click()
    expect(page).to_have_url(re.compile(r"localhost:\d+/$"))

    page.goto("/account")
    page.get_by_role("link", name="Remove…").click()
    prove(page)
    page.get_by_role("button", name="Remove it").click()
    expect(page.get_by_text("None yet")).to_be_visible()
    assert not Authenticator.objects.exists()


def test_it_closes_the_live_path_of_a_session_that_is_ended(page: Page, mary: User) -> None:
    from datacenter.people import sessions
    from hosts import feed

    log_in(page)
    expect(page.locator("#live-status")).to_have_text("Live", timeout=20_000)
    began = time.monotonic()
    assert sessions.end(mary) == 1
    feed.flush()
    expect(page.locator("#live-status")).to_contain_text("Signed out", timeout=9_000)
    assert time.monotonic() - began < 10
