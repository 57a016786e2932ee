"""When each kind of alert is raised: for the whole installation, and for one cluster."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from datacenter import orders
from datacenter.access import SYSTEM, Verb, can, visible
from datacenter.alerts import limits
from datacenter.alerts.limits import STANDARD, Limit, Standard
from datacenter.models import AlertKind, AlertLimit
from datacenter.orders.alerts import set_alert_limit
from datacenter.screens.errors import BadParameter
from hosts.models import Cluster

SAID = (("", "as above"), ("on", "raised"), ("off", "not raised"))


class LimitForm(forms.Form):
    """One kind. What is left empty is as above: of the installation, else as it comes with Godwit."""

    enabled = forms.ChoiceField(choices=SAID, required=False)
    threshold = forms.FloatField(required=False)
    minutes = forms.FloatField(min_value=0, max_value=1440, required=False)

    def __init__(self, *args: Any, standard: Standard, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.standard = standard
        for_s = standard.limit.for_s
        self.usual_minutes = None if for_s is None else f"{for_s / 60:g}"

    def clean_threshold(self) -> float | None:
        given: float | None = self.cleaned_data["threshold"]
        least, most, unit = self.standard.least, self.standard.most, self.standard.unit
        if given is not None and not least <= given <= most:
            raise forms.ValidationError(f"From {least:g} to {most:g} {unit}.")
        return given

    def said(self) -> dict[str, Any]:
        """As an AlertLimit has it. Only after ``is_valid()``."""
        given, comes_with = self.cleaned_data, self.standard.limit
        minutes = given["minutes"]
        return {
            "enabled": {"on": True, "off": False}.get(given["enabled"]),
            "threshold": given["threshold"] if comes_with.threshold is not None else None,
            "for_s": round(minutes * 60) if minutes is not None and comes_with.for_s is not None else None,
        }


@require_http_methods(["GET", "HEAD", "POST"])
def alert_limits(request: HttpRequest) -> HttpResponse:
    """Every kind, in the whole installation or with ``?cluster=`` in one cluster; a POST saves those that changed."""
    cluster = _cluster(request)
    rows = {row.kind: row for row in AlertLimit.objects.filter(cluster=cluster)}
    kinds = [kind for kind in AlertKind if cluster is None or STANDARD[kind].by_cluster]
    data = request.POST if request.method == "POST" else None
    forms_by_kind = {kind: _form(kind, rows.get(kind), data) for kind in kinds}
    if data is not None and all(form.is_valid() for form in forms_by_kind.values()):
        try:
            for kind, form in forms_by_kind.items():
                set_alert_limit(request.user, kind, cluster, **form.said())
        except orders.Refused as exc:
            messages.error(request, str(exc))
        else:
            messages.success(request, "Saved. It counts from the next look on.")
        return redirect(reverse("alert_limits") + (f"?cluster={cluster.pk}" if cluster else ""))
    standing = limits.read()
    listed = [(kind, form, standing.of(kind, cluster.pk if cluster else None)) for kind, form in forms_by_kind.items()]
    may = can(request.user, Verb.EDIT_CLUSTER, cluster) if cluster else can(request.user, Verb.ADMINISTER, SYSTEM)
    context = {
        "tab": "limits",
        "cluster": cluster,
        "clusters": visible(request.user, Cluster.objects.select_related("datacenter")).order_by("name"),
        "listed": [(kind, form, _words(kind, limit)) for kind, form, limit in listed],
        "may": may,
    }
    return render(request, "alerts/limits.html", context, status=200 if data is None else 422)


def _form(kind: AlertKind, row: AlertLimit | None, data: Any) -> LimitForm:
    first: dict[str, Any] = {}
    if row is not None:
        first["enabled"] = {True: "on", False: "off", None: ""}[row.enabled]
        first["threshold"] = f"{row.threshold:g}" if row.threshold is not None else ""
        first["minutes"] = f"{row.for_s / 60:g}" if row.for_s is not None else ""
    return LimitForm(data, initial=first, prefix=kind.value, standard=STANDARD[kind])


def _words(kind: AlertKind, limit: Limit) -> str:
    """What counts now."""
    if not limit.enabled:
        return "It is not raised."
    standard, said = STANDARD[kind], []
    if limit.threshold is not None:
        said.append(f"{limit.threshold:g} {standard.unit} {standard.means}")
    if limit.for_s:
        said.append(f"for {limit.for_s / 60:g} min")
    return "Raised: " + (", ".join(said) if said else "at once") + "."


def _cluster(request: HttpRequest) -> Cluster | None:
    wanted = request.GET.get("cluster", "")
    if not wanted:
        return None
    if not (wanted.isascii() and wanted.isdigit() and len(wanted) < 10):
        raise BadParameter("There is no such cluster.")
    return get_object_or_404(visible(request.user, Cluster.objects.all()), pk=int(wanted))
