"""The addresses of searching."""

from django.urls import URLPattern, path

from datacenter.screens import bulk, completing, palette, saved_views, vm_rules

urlpatterns: list[URLPattern] = [
    path("search", palette.palette, name="palette"),
    path("vms/bulk", bulk.vms_bulk, name="vms_bulk"),
    path("bulk", bulk.bulk_orders, name="bulk_orders"),
    path("bulk/<int:pk>", bulk.bulk_order, name="bulk_order"),
    path("bulk/<int:pk>/cancel", bulk.bulk_cancel, name="bulk_cancel"),
    path("views/save", saved_views.view_save, name="view_save"),
    path("views/<int:pk>/remove", saved_views.view_remove, name="view_remove"),
    path("vms/<uuid:uuid>/tags", vm_rules.vm_tags, name="vm_tags"),
    path("search/<slug:noun>/complete", completing.complete, name="complete"),
]
