"""The roles that come with Godwit, made and brought up to date after each migrate (and after a test's flush)."""

from typing import Any

from datacenter.access.verbs import SHIPPED


def ship_roles(**given: Any) -> None:
    """Handler of post_migrate. A role of the same name that people made is left alone."""
    try:
        roles = given["apps"].get_model("datacenter", "Role").objects.using(given["using"])
    except LookupError:  # migrated back to before there were roles
        return
    for each in SHIPPED:
        says = {"description": each.description, "verbs": sorted(each.verbs)}
        role, made = roles.get_or_create(name=each.name, defaults={**says, "shipped": True})
        if not made and role.shipped and (role.description, role.verbs) != tuple(says.values()):
            roles.filter(pk=role.pk).update(**says)
