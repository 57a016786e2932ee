"""Where allauth asks us: who may come in by OIDC, how secrets of second factors are kept, what is said to people."""

import base64
import hashlib
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from cryptography.fernet import Fernet
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from datacenter.models import User
from datacenter.people import groups, journal
from hosts.models import Severity

#: allauth's own words that we do not repeat
_UNSAID = ("account/messages/logged_in.txt", "account/messages/logged_out.txt")


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # untyped
    """Nobody signs up; a deactivated account is told so on the login page."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def respond_user_inactive(self, request: HttpRequest, user: User) -> HttpResponse:
        messages.error(request, "This account is deactivated. An administrator can activate it again.")
        return redirect("login")

    def add_message(
        self, request: HttpRequest, level: int, message_template: Any = None, *args: Any, **kw: Any
    ) -> None:
        if message_template not in _UNSAID:
            super().add_message(request, level, message_template, *args, **kw)


class MFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # untyped
    """Secrets of authenticator apps and recovery codes lie encrypted: a dump of the database proves nobody's second
    factor. The key is made from Django's; with another key, second factors have to be set up again."""

    error_messages = DefaultMFAAdapter.error_messages | {
        "incorrect_code": "That code is not right, or was used already. Codes change every half a minute."
    }

    def encrypt(self, text: str) -> str:
        return _fernet().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return _fernet().decrypt(encrypted_text.encode()).decode()

    def get_totp_label(self, user: User) -> str:
        return user.get_username()

    def generate_authenticator_name(self, user: User, type: Authenticator.Type) -> str:
        count = Authenticator.objects.filter(user_id=user.pk, type=type).count()
        return f"Passkey {count + 1}"


def _fernet() -> Fernet:
    key = hashlib.blake2b(settings.SECRET_KEY.encode(), digest_size=32, person=b"godwit mfa").digest()
    return Fernet(base64.urlsafe_b64encode(key))


class SocialAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]  # untyped
    """People of the one OIDC provider. An account is made at their first sign-in; none that exists is taken over."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return True  # what may not come in was refused in pre_social_login

    def populate_user(self, request: HttpRequest, sociallogin: SocialLogin, data: dict[str, Any]) -> User:
        user: User = super().populate_user(request, sociallogin, data)
        user.source = User.Source.OIDC
        sociallogin.email_addresses = []  # an address proves nothing here, so it need not be anybody's alone
        return user

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        named = groups.named(sociallogin.account.extra_data, settings.OIDC_GROUPS)
        if settings.OIDC_ONLY and not set(named) & set(settings.OIDC_ONLY):
            user = sociallogin.user if sociallogin.is_existing else User(username="somebody of single sign-on")
            detail = f"In none of the groups that may come in, {journal.place(request)}."
            journal.write(AnonymousUser(), "sign_in_failed", user, detail, severity=Severity.WARNING)
            messages.error(request, "Your account is in none of the groups that may use Godwit.")
            raise ImmediateHttpResponse(redirect("login"))
        if sociallogin.is_existing:
            groups.mirror(sociallogin.user, named)

    def save_user(self, request: HttpRequest, sociallogin: SocialLogin, form: Any = None) -> User:
        user: User = super().save_user(request, sociallogin, form)
        journal.write(user, "user_added", user, "At the first sign-in by single sign-on.")
        groups.mirror(user, groups.named(sociallogin.account.extra_data, settings.OIDC_GROUPS))
        return user

    def on_authentication_error(
        self, request: HttpRequest, provider: Any, error: Any = None, exception: Any = None, extra_context: Any = None
    ) -> None:
        detail = f"Single sign-on failed ({error or 'unknown'}), {journal.place(request)}."
        journal.write(AnonymousUser(), "sign_in_failed", User(username="somebody"), detail, severity=Severity.WARNING)
        journal.log.warning("Single sign-on failed: %s", exception or error, extra={"action": "oidc_failed"})
        messages.error(request, "Single sign-on did not succeed. Try again, or log in with a password.")
        raise ImmediateHttpResponse(redirect("login"))
