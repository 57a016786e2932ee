"""LDAP and Active Directory, where GODWIT_LDAP_URL names one (django-auth-ldap; requirements-ldap.txt).

The directory checks the password and tells the groups. Its people get accounts of their own at their first sign-in; an
account of Godwit's own with the same name is never opened by a password of the directory's.
"""

import logging
from collections.abc import Callable
from typing import Any

import ldap
from django.conf import settings
from django_auth_ldap import config
from django_auth_ldap.backend import LDAPBackend, LDAPSettings

from datacenter.models import User
from datacenter.people import accounts, groups, journal

log = logging.getLogger(__name__)

_KINDS: dict[str, Callable[[], tuple[Any, str]]] = {
    "groupOfNames": lambda: (config.GroupOfNamesType(name_attr="cn"), "(objectClass=groupOfNames)"),
    "groupOfUniqueNames": lambda: (config.GroupOfUniqueNamesType(name_attr="cn"), "(objectClass=groupOfUniqueNames)"),
    "posixGroup": lambda: (config.PosixGroupType(name_attr="cn"), "(objectClass=posixGroup)"),
    "activeDirectory": lambda: (config.NestedActiveDirectoryGroupType(), "(objectClass=group)"),
}
TIMEOUT_S = 5


def _settings() -> LDAPSettings:
    given = LDAPSettings("AUTH_LDAP_")
    given.SERVER_URI = settings.LDAP_URL
    given.START_TLS = settings.LDAP_STARTTLS and settings.LDAP_URL.startswith("ldap://")
    given.BIND_DN, given.BIND_PASSWORD = settings.LDAP_BIND, settings.LDAP_PASSWORD
    given.USER_SEARCH = config.LDAPSearch(settings.LDAP_USERS, ldap.SCOPE_SUBTREE, settings.LDAP_USER_FILTER)
    given.USER_ATTR_MAP = {"first_name": "givenName", "last_name": "sn", "email": "mail"}
    given.CONNECTION_OPTIONS = _options()
    if settings.LDAP_GROUPS:
        given.GROUP_TYPE, wanted = _KINDS[settings.LDAP_GROUP_KIND]()
        given.GROUP_SEARCH = config.LDAPSearch(settings.LDAP_GROUPS, ldap.SCOPE_SUBTREE, wanted)
        given.REQUIRE_GROUP = settings.LDAP_ONLY or None
    return given


def _options() -> dict[int, Any]:
    """A directory that does not answer costs seconds, not the web process; a wrong certificate, the sign-in."""
    options: dict[int, Any] = {
        ldap.OPT_NETWORK_TIMEOUT: TIMEOUT_S,
        ldap.OPT_TIMEOUT: TIMEOUT_S,
        ldap.OPT_REFERRALS: 0,
        ldap.OPT_X_TLS_REQUIRE_CERT: ldap.OPT_X_TLS_DEMAND,
    }
    if settings.LDAP_CA:
        options[ldap.OPT_X_TLS_CACERTFILE] = settings.LDAP_CA
    return options | {ldap.OPT_X_TLS_NEWCTX: 0}  # last: it takes what was set before it


class Directory(LDAPBackend):  # type: ignore[misc]  # untyped
    """One directory."""

    _settings: LDAPSettings | None

    @property
    def settings(self) -> LDAPSettings:
        """Ours, read once a backend: Django makes one for each request."""
        if self._settings is None:
            self._settings = _settings()
        return self._settings

    def authenticate_ldap_user(self, ldap_user: Any, password: str) -> User | None:
        """None where the directory says no, where it can not be asked, and where the name is somebody else's here."""
        known = User.objects.filter(username__iexact=ldap_user._username).first()
        if known is not None and known.source != User.Source.LDAP:
            return None
        user: User | None = super().authenticate_ldap_user(ldap_user, password)
        if user is not None and settings.LDAP_GROUPS:
            groups.mirror(user, sorted(ldap_user.group_names))
        return user

    def get_or_build_user(self, username: str, ldap_user: Any) -> tuple[User, bool]:
        known = User.objects.filter(username__iexact=username).first()
        if known is not None:
            return known, False
        try:
            accounts.check_name(username)
        except accounts.Refused as exc:
            log.warning("Somebody of the directory can have no account: %s", exc, extra={"action": "ldap_name_refused"})
            raise ldap_user.AuthenticationFailed(str(exc)) from exc
        user = User(username=username.lower(), source=User.Source.LDAP)
        user.set_unusable_password()
        user.save()
        journal.write(user, "user_added", user, "At the first sign-in by LDAP.")
        return user, False
