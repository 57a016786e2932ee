"""The middleware behind the door: keeps up with sessions, and leads to what has to be done before anything else."""

from collections.abc import Callable

from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from datacenter.people import sessions
from datacenter.people.journal import PROVED

#: address names that are reached although a password has to be changed first
_PASSWORD = {"account_password", "logout", "healthz"}
#: … although a second factor has to be set up first
_FACTOR = _PASSWORD | {
    "mfa_activate_totp", "mfa_add_webauthn", "mfa_view_recovery_codes", "mfa_download_recovery_codes",
    "mfa_generate_recovery_codes", "account_reauthenticate", "mfa_reauthenticate", "account_factor_first",
}  # fmt: skip


class Gate:
    """After AuthenticationMiddleware: ``request.user`` is known, and the view is."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_: object) -> HttpResponse | None:
        """What has to be done first, if anything."""
        if SESSION_COOKIE not in request.COOKIES or not request.user.is_authenticated:
            return None
        sessions.follow(request)
        name = request.resolver_match.url_name if request.resolver_match else ""
        if request.user.must_change_password and name not in _PASSWORD:
            return _lead(request, "account_password")
        if name not in _FACTOR and lacks_second_factor(request):
            return _lead(request, "account_factor_first")
        return None


SESSION_COOKIE = settings.SESSION_COOKIE_NAME


def lacks_second_factor(request: HttpRequest) -> bool:
    """Whether this installation wants one, and this person, whose password is kept here or in LDAP, has none."""
    if not settings.REQUIRE_SECOND_FACTOR or request.session.get(PROVED):
        return False
    user = request.user
    if getattr(user, "source", "") == "oidc":  # the provider's business
        return False
    if not is_mfa_enabled(user):
        return True
    request.session[PROVED] = True
    return False


def _lead(request: HttpRequest, name: str) -> HttpResponse:
    if "HX-Request" in request.headers:
        return HttpResponse(status=204, headers={"HX-Redirect": reverse(name)})
    return redirect(name)
