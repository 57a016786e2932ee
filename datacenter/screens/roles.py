"""Roles: the list, a role with who has it, and the form in which people tick their own together."""

from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from datacenter import orders
from datacenter.access import SYSTEM, Verb, can, seen
from datacenter.access.paths import object_of
from datacenter.access.verbs import GROUPS
from datacenter.models import Role, RoleBinding
from datacenter.orders import roles as ordered
from datacenter.screens.listing import Column, Listing, show
from datacenter.screens.refusing import need

LISTING = Listing(
    key="roles",
    noun="role",
    row_template="roles/_row.html",
    search=("name", "description"),
    empty="There is no role.",
    columns=(
        Column(key="name", label="Role", sort="name", optional=False),
        Column(key="description", label="What it is for", width="c-wide"),
        Column(key="verbs", label="Permissions", width="c-medium"),
        Column(key="given", label="Given", sort="given", end=True, hint="Times, to users and groups"),
    ),
)
MOST_SHOWN = 200


class RoleForm(forms.Form):
    """A name and ticks."""

    name = forms.CharField(max_length=80, error_messages={"required": "A role needs a name."})
    description = forms.CharField(max_length=500, required=False)
    verbs = forms.MultipleChoiceField(choices=[(verb.value, verb.value) for verb in Verb], required=False)


@require_safe
def roles(request: HttpRequest) -> HttpResponse:
    """Every role; those that came with Godwit and people's own."""
    return show(request, LISTING, _rows(), "roles/list.html", {})


@require_safe
def role(request: HttpRequest, pk: int) -> HttpResponse:
    """What it allows, and who has it where, of what one may see."""
    row = get_object_or_404(_rows(), pk=pk)
    given = seen(RoleBinding.objects.filter(role=row)).select_related("user", "group")[:MOST_SHOWN]
    context = {"role": row, "groups": GROUPS, "given": [(each, object_of(each.level, each.row)) for each in given]}
    context["may_change"] = can(request.user, Verb.GRANT, SYSTEM)
    return render(request, "roles/page.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def role_new(request: HttpRequest) -> HttpResponse:
    """A new role; ``?from=`` begins as a copy."""
    need(request, Verb.GRANT, SYSTEM)
    source = request.GET.get("from", "")
    begun = Role.objects.filter(pk=int(source)).first() if source.isascii() and source.isdigit() else None
    first = {"description": begun.description, "verbs": begun.verbs, "name": f"Copy of {begun}"[:80]} if begun else {}
    return _edit(request, None, first)


@require_http_methods(["GET", "HEAD", "POST"])
def role_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change one of people's own."""
    need(request, Verb.GRANT, SYSTEM)
    row = get_object_or_404(Role, pk=pk)
    return _edit(request, row, {"name": row.name, "description": row.description, "verbs": row.verbs})


@require_POST
def role_remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Remove one that nobody has."""
    row = get_object_or_404(Role, pk=pk)
    try:
        ordered.remove_role(request.user, row)
    except orders.Refused as exc:
        messages.error(request, str(exc))
        return redirect("role", pk)
    messages.success(request, f"{row} is removed.")
    return redirect("roles")


def _edit(request: HttpRequest, row: Role | None, first: dict[str, Any]) -> HttpResponse:
    form = RoleForm(request.POST or None, initial=first)
    if request.method == "POST" and form.is_valid():
        try:
            made = ordered.save_role(request.user, row, **form.cleaned_data)
        except orders.Refused as exc:
            form.add_error(exc.field if exc.field in form.fields else None, str(exc))
        else:
            messages.success(request, "Saved. It counts from the next page on for everybody who has it.")
            return redirect("role", made.pk)
    mine = {verb.value for verb in Verb if can(request.user, verb, SYSTEM)}
    context = {"role": row, "form": form, "groups": GROUPS, "mine": mine, "ticked": set(form["verbs"].value() or ())}
    return render(request, "roles/edit.html", context, status=422 if form.is_bound else 200)


def _rows() -> QuerySet[Any]:
    return Role.objects.annotate(given=Count("bindings"))
