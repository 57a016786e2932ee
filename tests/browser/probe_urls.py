"""The probe's page, and none of the real ones."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path

from datacenter.rows import migrations, vms
from datacenter.screens.health import healthz


def probe(request: HttpRequest) -> HttpResponse:
    return render(request, "probe.html", {"vms": vms(), "migrations": migrations()})


urlpatterns = [path("probe", probe), path("healthz", healthz)]
