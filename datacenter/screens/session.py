"""Signing in: name and password, then a second factor where there is one; or a passkey; or single sign-on.

Our own door to allauth's flow: the name that was typed is kept, and who failed too often is told until when.
"""

from typing import Any
from urllib.parse import urlencode

from allauth.account.internal.decorators import login_stage_required
from allauth.account.internal.flows.login import perform_password_login
from allauth.account.models import Login
from allauth.mfa.base.views import AuthenticateView
from allauth.mfa.stages import AuthenticateStage
from allauth.socialaccount.providers.openid_connect import views as oidc
from django.conf import settings
from django.contrib.auth import views
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from datacenter.people import lockout

LONGEST_NAME = 150


class SignInForm(AuthenticationForm):
    """One sentence for every refusal: a stranger does not learn which names exist."""

    error_messages = {
        **AuthenticationForm.error_messages,
        "invalid_login": "The name and the password do not belong together. Both are case-sensitive.",
        "inactive": "The name and the password do not belong together. Both are case-sensitive.",
    }

    def clean_username(self) -> str:
        name: str = self.cleaned_data["username"]
        if len(name) > LONGEST_NAME:  # Django sets the field's attribute only, and axes keeps what was typed
            raise ValidationError("No name is as long as that.")
        return name


@method_decorator([sensitive_post_parameters("password"), never_cache], name="dispatch")
class SignIn(views.LoginView):
    template_name = "registration/login.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        name = request.POST.get("username", "").strip()[:150].replace("\x00", "")
        if until := lockout.until(request, name):
            return locked(request, name, until)  # unread: a guess that is right is refused as well
        response = super().post(request, *args, **kwargs)
        if response.status_code == 200 and (until := lockout.until(request, name)):
            return locked(request, name, until)
        return response

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """The password was right: allauth asks for the second factor, or lets them in."""
        login = Login(user=form.get_user(), redirect_url=self.get_success_url())
        given = {"username": form.cleaned_data["username"]}
        response: HttpResponse = perform_password_login(self.request, given, login)
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**kwargs) | {
            "oidc": oidc_address(self.request),
            "oidc_name": settings.OIDC_NAME,
        }


def locked(request: HttpRequest, name: str, until: Any) -> HttpResponse:
    """The login page with the time from which tries are read again."""
    context = {"form": SignInForm(initial={"username": name}), "locked_until": until, "oidc": oidc_address(request)}
    return render(request, "registration/login.html", context | {"oidc_name": settings.OIDC_NAME}, status=429)


def oidc_address(request: HttpRequest) -> str:
    """Where single sign-on begins, leading to the page that was asked for; "" where there is none."""
    if not settings.OIDC_URL:
        return ""
    wanted = request.GET.get("next") or request.POST.get("next") or ""
    begin = reverse("openid_connect_login", kwargs={"provider_id": settings.OIDC_PROVIDER})
    return f"{begin}?{urlencode({'next': wanted})}" if wanted else begin


@method_decorator(login_stage_required(stage=AuthenticateStage.key, redirect_urlname="login"), name="dispatch")
class SecondStep(AuthenticateView):  # type: ignore[misc]  # untyped
    """The code or the passkey after the password. Wrong codes count as wrong passwords do."""

    template_name = "registration/second_step.html"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        name = request._login_stage.login.user.get_username()  # type: ignore[attr-defined]  # allauth's decorator
        if request.method == "POST" and (until := lockout.until(request, name)):
            return locked(request, name, until)
        response: HttpResponse = super().dispatch(request, *args, **kwargs)
        if request.method == "POST" and response.status_code == 200 and (until := lockout.until(request, name)):
            return locked(request, name, until)
        return response


@login_not_required
def oidc_begin(request: HttpRequest, provider_id: str) -> HttpResponse:
    """To the provider."""
    response: HttpResponse = oidc.login(request, provider_id) if settings.OIDC_URL else redirect("login")
    return response


@login_not_required
def oidc_return(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Back from the provider."""
    response: HttpResponse = oidc.callback(request, provider_id) if settings.OIDC_URL else redirect("login")
    return response


@login_not_required
def to_login(request: HttpRequest) -> HttpResponse:
    """Where allauth would show a page that we do not have."""
    return redirect("login")
