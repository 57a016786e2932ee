"""The addresses of searching."""

from django.urls import URLPattern, path

from datacenter.screens import completing

urlpatterns: list[URLPattern] = [
    path("search/<slug:noun>/complete", completing.complete, name="complete"),
]
