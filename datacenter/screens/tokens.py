"""API tokens: one's own under Account, everybody's under Administration. A token is shown once, in the answer to its
making, and never again.
"""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from datacenter import orders
from datacenter.access import Verb, can
from datacenter.models import ApiToken
from datacenter.orders.tokens import ROOTS, make_token, revoke_token
from datacenter.screens.tokens_form import TokenForm

MOST = 500


@require_safe
def account_tokens(request: HttpRequest) -> HttpResponse:
    """One's own."""
    return _list(request, everybody=False)


@require_safe
def tokens(request: HttpRequest) -> HttpResponse:
    """Everybody's."""
    _administer(request)
    return _list(request, everybody=True)


@never_cache
@sensitive_variables("said")
@require_http_methods(["GET", "HEAD", "POST"])
def token_new(request: HttpRequest) -> HttpResponse:
    """The form; POST makes the token and shows it this once."""
    form = TokenForm(request.POST if request.method == "POST" else None, user=request.user)
    if form.is_bound and form.is_valid():
        owner: Any = form.cleaned_data["owner"] or request.user
        try:
            token, said = make_token(request.user, owner, **form.given())
            return render(request, "tokens/made.html", {"token": token, "said": said})
        except orders.Refused as exc:
            field = {"expires_at": "good_until"}.get(exc.field or "", exc.field)
            form.add_error(field if field in form.fields else None, str(exc))
    administers = can(request.user, Verb.ADMINISTER)
    context = {"form": form, "administers": administers}
    return render(request, "tokens/new.html", context, status=422 if form.is_bound else 200)


@require_POST
def token_revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """End it at once."""
    token = ApiToken.objects.select_related("owner").filter(pk=pk).first()
    mine = token is not None and token.owner_id == request.user.pk
    if token is None or not (mine or can(request.user, Verb.ADMINISTER)):
        raise Http404("There is no such token.")
    try:
        revoke_token(request.user, token)
    except orders.Refused as exc:
        messages.error(request, str(exc))
    else:
        messages.success(request, f"The token {token} is revoked. Nothing is let in with it any more.")
    return redirect("account_tokens" if mine and "everybody" not in request.POST else "tokens")


def _list(request: HttpRequest, *, everybody: bool) -> HttpResponse:
    rows = ApiToken.objects.select_related("owner").order_by("revoked_at", "-made_at")
    if not everybody:
        rows = rows.filter(owner=request.user.pk)
    found = list(rows[:MOST])
    context = {"tokens": [(each, _where(each)) for each in found], "everybody": everybody, "now": timezone.now()}
    return render(request, "tokens/list.html", context)


def _where(token: ApiToken) -> str:
    """ "Everywhere", or the names of its roots."""
    if token.roots is None:
        return "Wherever the owner may"
    named = []
    for noun, pk in token.roots:
        row = ROOTS[noun]._default_manager.filter(pk=pk).first() if noun in ROOTS else None
        named.append(str(row) if row else f"a {noun} that is gone")
    return ", ".join(named)


def _administer(request: HttpRequest) -> None:
    if not can(request.user, Verb.ADMINISTER):
        raise PermissionDenied("Only an administrator sees the tokens of others.")
