"""Groups of people: a name, who is in it, and the roles that it has."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.models import Group
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from datacenter import orders
from datacenter.access import SYSTEM, Verb
from datacenter.access.paths import object_of
from datacenter.models import RoleBinding, User
from datacenter.orders import roles as ordered
from datacenter.screens.listing import Column, Listing, show
from datacenter.screens.refusing import need

LISTING = Listing(
    key="groups",
    noun="group",
    row_template="groups/_row.html",
    search=("name",),
    empty="No group yet. “New group” makes one; roles are given to it on the page of what it should work on.",
    columns=(
        Column(key="name", label="Group", sort="name", optional=False),
        Column(key="members", label="People", sort="members", end=True, optional=False),
        Column(key="roles", label="Roles", sort="given", end=True, optional=False),
    ),
)


class GroupForm(forms.Form):
    """A name and people."""

    name = forms.CharField(max_length=150, error_messages={"required": "A group needs a name."})
    members = forms.ModelMultipleChoiceField(queryset=User.objects.order_by("username"), required=False)


@require_safe
def groups(request: HttpRequest) -> HttpResponse:
    """Every group."""
    need(request, Verb.ADMINISTER, SYSTEM)
    return show(request, LISTING, _rows(), "groups/list.html", {})


@require_http_methods(["GET", "HEAD", "POST"])
def group_new(request: HttpRequest) -> HttpResponse:
    """A new one."""
    need(request, Verb.ADMINISTER, SYSTEM)
    return _edit(request, None)


@require_http_methods(["GET", "HEAD", "POST"])
def group_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Its name, its people; and where it has which role."""
    need(request, Verb.ADMINISTER, SYSTEM)
    return _edit(request, get_object_or_404(Group, pk=pk))


@require_POST
def group_remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Remove it; its people lose what it gave them."""
    row = get_object_or_404(Group, pk=pk)
    try:
        ordered.remove_group(request.user, row)
    except orders.Refused as exc:
        messages.error(request, str(exc))
        return redirect("group_edit", pk)
    messages.success(request, f"{row.name} is removed.")
    return redirect("groups")


def _edit(request: HttpRequest, row: Group | None) -> HttpResponse:
    first: dict[str, Any] = {"name": row.name, "members": list(_members(row))} if row else {}
    form = GroupForm(request.POST or None, initial=first)
    if request.method == "POST" and form.is_valid():
        try:
            made = ordered.save_group(request.user, row, **form.cleaned_data)
        except orders.Refused as exc:
            form.add_error(exc.field if exc.field in form.fields else None, str(exc))
        else:
            messages.success(request, "Saved. It counts from everybody’s next page on.")
            return redirect("group_edit", made.pk)
    chosen = {str(each) for each in (form["members"].value() or ())}
    given = RoleBinding.objects.filter(group=row).select_related("role") if row else []
    context: dict[str, Any] = {"group": row, "form": form, "people": User.objects.order_by("username"), "chosen": chosen}
    context["given"] = [(each, object_of(each.level, each.row)) for each in given]
    return render(request, "groups/edit.html", context, status=422 if form.is_bound else 200)


def _members(row: Group) -> QuerySet[Any, Any]:
    return User.objects.filter(groups=row).values_list("pk", flat=True)


def _rows() -> QuerySet[Any]:
    return Group.objects.annotate(members=Count("user", distinct=True), given=Count("role_bindings", distinct=True))
