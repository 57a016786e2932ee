"""The addresses of administration: roles, groups, and who has which role on what."""

from django.urls import URLPattern, path

from datacenter.screens import administration, groups, permissions, roles

urlpatterns: list[URLPattern] = [
    path("administration", administration.administration, name="administration"),
    path("administration/permissions", permissions.permissions, name="system_permissions"),
    path("administration/roles", roles.roles, name="roles"),
    path("administration/roles/new", roles.role_new, name="role_new"),
    path("administration/roles/<int:pk>", roles.role, name="role"),
    path("administration/roles/<int:pk>/edit", roles.role_edit, name="role_edit"),
    path("administration/roles/<int:pk>/remove", roles.role_remove, name="role_remove"),
    path("administration/groups", groups.groups, name="groups"),
    path("administration/groups/new", groups.group_new, name="group_new"),
    path("administration/groups/<int:pk>", groups.group_edit, name="group_edit"),
    path("administration/groups/<int:pk>/remove", groups.group_remove, name="group_remove"),
    path("permissions/people", permissions.permission_people, name="permission_people"),
    path("permissions/<int:pk>/take", permissions.permission_take, name="permission_take"),
    path("permissions/<slug:level>/<int:row>", permissions.permissions, name="permissions"),
    path("permissions/<slug:level>/<int:row>/give", permissions.permission_give, name="permission_give"),
]
