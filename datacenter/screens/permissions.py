"""Who can do what here, and why: the roles that count on one object, given there or further up; giving and taking."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.models import Group
from django.db.models import Model, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from datacenter import orders
from datacenter.access import SYSTEM, System, Verb, can
from datacenter.access.paths import LEVELS, object_of
from datacenter.models import Role, RoleBinding, User
from datacenter.orders import roles as ordered
from datacenter.screens.errors import BadParameter
from datacenter.screens.refusing import need
from hosts.models import VM

MOST_PEOPLE = 20


@require_safe
def permissions(request: HttpRequest, level: str = "system", row: int = 0) -> HttpResponse:
    """The page of one object; a cluster, a host and a VM show the same under a tab."""
    target = _find(request, level, row)
    return render(request, "permissions/page.html", {"target": target})


@require_POST
def permission_give(request: HttpRequest, level: str, row: int) -> HttpResponse:
    """Give the form's ``role`` to its ``to``, "user:3" or "group:2"."""
    target = _find(request, level, row)
    try:
        role, whom = _chosen(request)
        ordered.give_role(request.user, role, whom, target)
    except orders.Refused as exc:
        messages.error(request, str(exc))
    else:
        messages.success(request, f"{whom} has the role {role} here, and on all that is below.")
    return redirect(address(target))


@require_POST
def permission_take(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a role back."""
    binding = get_object_or_404(RoleBinding.objects.select_related("role", "user", "group"), pk=pk)
    target = _find(request, binding.level, binding.row)
    try:
        ordered.take_role(request.user, binding)
    except orders.Refused as exc:
        messages.error(request, str(exc))
    else:
        messages.success(request, f"{binding.user or binding.group} has the role {binding.role} here no more.")
    return redirect(address(target))


@require_safe
def permission_people(request: HttpRequest) -> HttpResponse:
    """Users and groups whose names have ``q`` in them, to choose one."""
    need(request, Verb.GRANT)
    words = request.GET.get("q", "").strip()[:100]
    named = Q(username__icontains=words) | Q(first_name__icontains=words) | Q(last_name__icontains=words)
    people = User.objects.filter(named, is_active=True).order_by("username")[: MOST_PEOPLE + 1]
    groups = Group.objects.filter(name__icontains=words).order_by("name")[: MOST_PEOPLE + 1]
    context: dict[str, Any] = {"people": people[:MOST_PEOPLE], "groups": groups[:MOST_PEOPLE], "q": words}
    context["more"] = max(len(people), len(groups)) > MOST_PEOPLE
    return render(request, "permissions/_people.html", context)


def address(target: Model | System) -> str:
    """Where the permissions of an object are shown."""
    if isinstance(target, System):
        return reverse("system_permissions")
    level = type(target).__name__.lower()
    if level == "datacenter":
        return reverse("permissions", args=[level, target.pk])
    key = target.uuid if isinstance(target, VM) else target.pk
    return reverse(level, args=[key]) + "?tab=permissions"


def _find(request: HttpRequest, level: str, row: int) -> Model | System:
    """The object, if the person may see it. Http404 where not: it is not told that it exists."""
    if level == "system" and not row:
        need(request, Verb.VIEW, SYSTEM)
        return SYSTEM
    found = object_of(level, row) if level in LEVELS else None
    if found is None or not can(request.user, Verb.VIEW, found):
        raise Http404("There is no such object.")
    return found


def _chosen(request: HttpRequest) -> tuple[Role, Any]:
    role, (kind, _, pk) = request.POST.get("role", ""), request.POST.get("to", "").partition(":")
    if not (role.isascii() and role.isdigit()):
        raise orders.Refused("Choose a role.", field="role")
    if kind not in ("user", "group") or not (pk.isascii() and pk.isdigit() and len(pk) < 10):
        raise orders.Refused("Choose a person or a group: type a part of the name, and pick one.", field="to")
    whom = (User if kind == "user" else Group)._default_manager.filter(pk=int(pk)).first()
    found = Role.objects.filter(pk=int(role[:9])).first()
    if whom is None or found is None:
        raise BadParameter("The role, the person or the group is no longer there.")
    return found, whom
