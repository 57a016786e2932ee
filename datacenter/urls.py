"""Every address of the control room. A view that anybody may see says so itself (login_not_required)."""

from django.urls import include, path

from datacenter.screens import health

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("", include("datacenter.screens.urls")),
]

handler400 = "datacenter.screens.errors.bad_request"
handler403 = "datacenter.screens.errors.forbidden"
handler404 = "datacenter.screens.errors.not_found"
handler500 = "datacenter.screens.errors.server_error"
