"""One's own account: name, mail, zone; password; second factors; where one is signed in."""

from typing import Any
from zoneinfo import ZoneInfo

from allauth.mfa.models import Authenticator
from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.forms import PasswordChangeForm
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django.views.generic.edit import FormView

from datacenter.maintenance.windows import zones
from datacenter.models import User
from datacenter.people import journal, sessions


def zone_choices() -> list[tuple[str, str]]:
    """Every IANA zone with its offset now, and the browser's own first."""
    now = timezone.now()
    found = [(name, f"{name} (UTC{now.astimezone(ZoneInfo(name)):%z})") for name in sorted(zones())]
    return [("", "As the browser has it"), *found]


class AccountForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable when it runs
    """What is one's own to say. A name and an address that a directory tells come back with the next sign-in."""

    class Meta:
        model = User
        fields = ("first_name", "last_name", "email", "zone")

    def clean_zone(self) -> str:
        zone: str = self.cleaned_data["zone"]
        if zone and zone not in zones():
            raise ValidationError("There is no such time zone.")
        return zone


@require_http_methods(["GET", "HEAD", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    """The page; POST keeps name, mail and zone."""
    user = _person(request)
    form = AccountForm(request.POST or None, instance=user)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, "Kept.")
        return redirect("account")
    if form.is_bound:
        user.refresh_from_db()  # the frame shows who it is, not what was typed
    factors = list(Authenticator.objects.filter(user=user).order_by("created_at"))
    context: dict[str, Any] = {
        "form": form,
        "zones": zone_choices(),
        "totp": next((each for each in factors if each.type == Authenticator.Type.TOTP), None),
        "passkeys": [each for each in factors if each.type == Authenticator.Type.WEBAUTHN],
        "codes": next((each for each in factors if each.type == Authenticator.Type.RECOVERY_CODES), None),
        "sessions": sessions.open_sessions(user),
        "this": sessions.key_of(request),
        "local": user.source == User.Source.LOCAL,
    }
    return render(request, "account/page.html", context, status=422 if form.is_bound else 200)


@require_POST
def account_session_end(request: HttpRequest, pk: int) -> HttpResponse:
    """End one of one's own sessions."""
    user = _person(request)
    ended = sessions.end(user, only=pk)
    if not ended:
        raise Http404("That session has ended already.")
    journal.write(user, "session_ended", user, "One session, by its owner.")
    messages.success(request, "That session has ended.")
    return redirect("account")


@require_POST
def account_sessions_end(request: HttpRequest) -> HttpResponse:
    """End all of one's own sessions but this one."""
    user = _person(request)
    ended = sessions.end(user, but=sessions.key_of(request) or "")
    if ended:
        journal.write(user, "session_ended", user, f"{ended} other sessions, by their owner.")
    messages.success(request, f"{ended} other session{'' if ended == 1 else 's'} ended.")
    return redirect("account")


class OwnPasswordForm(PasswordChangeForm):
    """The old one, and the new one twice. The new one must be another."""

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        new = given.get("new_password1")
        if new and new == given.get("old_password"):
            self.add_error("new_password1", "Choose another one than before.")
        return given


@method_decorator([sensitive_post_parameters(), never_cache], name="dispatch")
class OwnPassword(FormView):  # type: ignore[type-arg]
    """Change one's own password; other sessions end, this one goes on."""

    form_class = OwnPasswordForm
    template_name = "account/password.html"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if _person(request).source != User.Source.LOCAL:
            raise Http404("Your password is kept elsewhere: change it there.")
        return super().dispatch(request, *args, **kwargs)

    def get_form_kwargs(self) -> dict[str, Any]:
        return super().get_form_kwargs() | {"user": self.request.user}

    @transaction.atomic
    def form_valid(self, form: OwnPasswordForm) -> HttpResponse:
        user = _person(self.request)
        form.save()
        User.objects.filter(pk=user.pk).update(must_change_password=False)
        sessions.end(user, but=sessions.key_of(self.request) or "")
        update_session_auth_hash(self.request, user)
        sessions.follow(self.request)
        journal.write(user, "password_changed", user)
        messages.success(self.request, "Your password was changed. Other sessions of yours have ended.")
        return redirect("overview" if user.must_change_password else "account")

    def form_invalid(self, form: OwnPasswordForm) -> HttpResponse:
        return self.render_to_response(self.get_context_data(form=form), status=422)


@require_safe
def account_factor_first(request: HttpRequest) -> HttpResponse:
    """Where an installation that wants a second factor leads who has none."""
    return render(request, "account/factor_first.html")


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User), settings.LOGIN_URL  # the middleware lets nobody else in here
    return request.user
