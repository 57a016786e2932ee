"""Adding and removing a host. Nothing is changed on the host by either, and no page here asks the host anything."""

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from datacenter import orders
from datacenter.access import Verb, can
from hosts.models import Cluster, DataCenter, Host
from hosts.virt.connect import parse_uri
from hosts.virt.errors import UriRefused


class AddHostForm(forms.Form):
    """Where the host is, and where it belongs: a cluster there is, or the names of a new one."""

    uri = forms.CharField(max_length=300, error_messages={"required": "A host needs a URI."})
    name = forms.CharField(max_length=253, required=False)
    cluster = forms.ModelChoiceField(
        queryset=Cluster.objects.select_related("datacenter").order_by("datacenter__name", "name"), required=False
    )
    new_cluster = forms.CharField(max_length=80, required=False)
    datacenter = forms.CharField(max_length=80, required=False)

    def clean_uri(self) -> str:
        try:
            return parse_uri(self.cleaned_data["uri"]).text
        except UriRefused as exc:
            raise forms.ValidationError(str(exc)) from exc

    def clean(self) -> None:
        super().clean()
        given = self.cleaned_data
        if given.get("cluster") is None and "cluster" not in self.errors:
            if not given.get("new_cluster"):
                self.add_error("cluster", "Choose a cluster, or name a new one below.")
            elif not given.get("datacenter"):
                self.add_error("datacenter", "A new cluster needs the name of its data center.")
        elif given.get("new_cluster"):
            self.add_error("new_cluster", "Choose a cluster above or name a new one, not both.")


@require_http_methods(["GET", "HEAD", "POST"])
def host_add(request: HttpRequest) -> HttpResponse:
    """The form; POST adds the host and leads to its page, which fills by itself."""
    if not can(request.user, Verb.ADMINISTER):
        raise PermissionDenied("Only an administrator may add hosts.")
    form = AddHostForm(request.POST or None, initial={"cluster": request.GET.get("cluster", "")})
    if request.method == "POST" and form.is_valid():
        try:
            return redirect("host", _add(request, form).pk)
        except orders.Refused as exc:
            form.add_error(exc.field if exc.field in form.fields else None, str(exc))
    known = DataCenter.objects.order_by("name").values_list("name", flat=True)
    status = 422 if form.is_bound else 200
    return render(request, "hosts/add.html", {"form": form, "datacenters": known}, status=status)


@transaction.atomic
def _add(request: HttpRequest, form: AddHostForm) -> Host:
    """The host in its cluster, which is made with it or not at all."""
    given = form.cleaned_data
    cluster = given["cluster"]
    if cluster is None:
        place, _ = DataCenter.objects.get_or_create(name=given["datacenter"])
        cluster, _ = Cluster.objects.get_or_create(datacenter=place, name=given["new_cluster"])
    return orders.add_host(request.user, given["uri"], name=given["name"], cluster=cluster)


@require_POST
def host_remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a host out of the inventory, and lead to the list; a refusal is said where it was asked."""
    row = get_object_or_404(Host, pk=pk)
    try:
        orders.remove_host(request.user, row)
    except orders.Refused as exc:
        messages.error(request, str(exc))
        if "HX-Request" in request.headers:
            return render(request, "_messages.html", status=403 if isinstance(exc, orders.Forbidden) else 409)
        return redirect("host", pk)
    messages.success(request, f"{row.name} was removed. Nothing was changed on the host.")
    if "HX-Request" in request.headers:
        return HttpResponse(status=204, headers={"HX-Redirect": reverse("hosts")})
    return redirect("hosts")
