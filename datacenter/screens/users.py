"""Administration of accounts: the list, one of them, and what may be done to it. A password is shown once."""

from collections.abc import Callable
from typing import Any

from allauth.mfa.models import Authenticator
from axes.models import AccessAttempt
from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from datacenter.access import SYSTEM, Verb, can
from datacenter.models import User
from datacenter.people import accounts, lockout, sessions
from datacenter.screens import listing
from datacenter.screens.listing import Column, Facet

USERS = listing.Listing(
    key="users",
    noun="person",
    row_template="users/_row.html",
    columns=(
        Column(key="name", label="User name", sort="username", optional=False),
        Column(key="person", label="Person", sort="first_name", width="c-wide"),
        Column(key="account", label="Account", sort="is_active", optional=False),
        Column(key="factor", label="Second factor", sort="has_factor", width="c-wide"),
        Column(key="source", label="Password kept by", sort="source", width="c-medium"),
        Column(key="seen", label="Last signed in", sort="last_login", width="c-wide"),
    ),
    search=("username", "first_name", "last_name", "email"),
    facets=(
        Facet(key="source", label="Kept by", lookup="source", options=lambda: list(User.Source.choices)),
        Facet(
            key="active",
            label="Account",
            lookup="is_active",
            options=lambda: [("True", "Active"), ("False", "Deactivated")],
        ),
    ),
    empty="Nobody has an account yet.",
)


def rows() -> QuerySet[User]:
    """Users with whether they have a second factor, and whether they are locked out from somewhere."""
    recent = AccessAttempt.objects.filter(
        username=OuterRef("username"), attempt_time__gte=timezone.now() - settings.AXES_COOLOFF_TIME
    )
    tries = recent.values("username", "ip_address").annotate(count=Sum("failures_since_start"))
    return User.objects.annotate(
        has_factor=Exists(Authenticator.objects.filter(user=OuterRef("pk"))),
        is_locked=Exists(tries.filter(count__gte=settings.LOCK_OUT_AFTER)),
    )


@require_safe
def users(request: HttpRequest) -> HttpResponse:
    """The list."""
    _ask(request)
    return listing.show(request, USERS, rows(), "users/list.html", {})


@require_safe
def user(request: HttpRequest, pk: int) -> HttpResponse:
    """One account."""
    _ask(request)
    person = get_object_or_404(rows(), pk=pk)
    factors = Authenticator.objects.filter(user=person).order_by("created_at")
    context = {
        "person": person,
        "factors": factors,
        "sessions": sessions.open_sessions(person),
        "this": sessions.key_of(request),
        "locked_until": lockout.locked_names([person]).get(person.username),
        "groups": person.groups.order_by("name"),
    }
    return render(request, "users/page.html", context)


class AddForm(forms.Form):
    """Who it is. The password is Godwit's to make."""

    username = forms.CharField(max_length=150, error_messages={"required": "An account needs a name to log in with."})
    name = forms.CharField(max_length=150, required=False)
    email = forms.EmailField(required=False)
    administrator = forms.BooleanField(required=False)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def user_add(request: HttpRequest) -> HttpResponse:
    """The form; POST makes the account and shows its password once."""
    _ask(request)
    form = AddForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            person, password = accounts.add(
                request.user, given["username"], **{key: given[key] for key in ("name", "email", "administrator")}
            )
        except accounts.Refused as exc:
            form.add_error(exc.field if exc.field in form.fields else None, str(exc))
        else:
            return _shown_once(request, person, password)
    return render(request, "users/add.html", {"form": form}, status=422 if form.is_bound else 200)


@never_cache
@require_POST
def user_password(request: HttpRequest, pk: int) -> HttpResponse:
    """A random password, shown once."""
    _ask(request)
    person = get_object_or_404(User, pk=pk)
    try:
        return _shown_once(request, person, accounts.reset_password(request.user, person))
    except accounts.Refused as exc:
        messages.error(request, str(exc))
        return redirect("user", pk)


def _shown_once(request: HttpRequest, person: User, password: str) -> HttpResponse:
    if request.user.pk == person.pk:  # one's own session has ended with the password
        messages.info(request, "Log in with the new password.")
    return render(request, "users/password.html", {"person": person, "password": password})


#: address word -> what is done, and what is said when it is
DEEDS: dict[str, tuple[Callable[[Any, User], Any], str]] = {
    "deactivate": (accounts.deactivate, "{} can not log in any more."),
    "activate": (accounts.activate, "{} can log in again."),
    "factor": (accounts.reset_second_factor, "{} has no second factor any more."),
    "unlock": (accounts.unlock, "{} may try again at once."),
    "promote": (lambda actor, who: accounts.make_administrator(actor, who, True), "{} is an administrator."),
    "demote": (lambda actor, who: accounts.make_administrator(actor, who, False), "{} may do what roles allow."),
}


@require_POST
def user_do(request: HttpRequest, pk: int, deed: str) -> HttpResponse:
    """Deactivate, activate, take the second factor off, unlock, make an administrator or not."""
    _ask(request)
    person = get_object_or_404(User, pk=pk)
    do, said = DEEDS[deed]
    try:
        do(request.user, person)
    except accounts.Refused as exc:
        messages.error(request, str(exc))
    else:
        messages.success(request, said.format(person))
    return redirect("user", pk)


@require_POST
def user_sessions_end(request: HttpRequest, pk: int) -> HttpResponse:
    """End one session of theirs (``session``), or all."""
    _ask(request)
    person = get_object_or_404(User, pk=pk)
    wanted = request.POST.get("session", "")
    only = int(wanted) if wanted.isascii() and wanted.isdigit() and len(wanted) < 18 else None
    ended = accounts.end_session(request.user, person, only)
    messages.success(request, f"{ended} session{'' if ended == 1 else 's'} of {person} ended.")
    return redirect("user", pk)


def _ask(request: HttpRequest) -> None:
    if not can(request.user, Verb.ADMINISTER, SYSTEM):
        raise PermissionDenied("Only an administrator may look after accounts.")
