"""The one address that a link opens, and the administrators' pages about displays."""

from django.urls import URLPattern, URLResolver, path

from datacenter.wall import page, pages

urlpatterns: list[URLPattern | URLResolver] = [
    path("wall/<str:link>", page.wall, name="wall"),
    path("walls", pages.displays, name="displays"),
    path("walls/new", pages.display_new, name="display_new"),
    path("walls/<int:pk>", pages.display, name="display"),
    path("walls/<int:pk>/edit", pages.display_edit, name="display_edit"),
    path("walls/<int:pk>/link", pages.display_link, name="display_link"),
    path("walls/<int:pk>/end", pages.display_end, name="display_end"),
    path("walls/<int:pk>/preview", pages.display_preview, name="display_preview"),
]
