"""Settings of signing in (docs/sign-in.md): allauth, axes, an OIDC provider and a directory where they are named."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

#: what a person may come in by; LDAP is added below where a directory is named
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",  # first: refuses before anybody is asked for a password's truth
    "django.contrib.auth.backends.ModelBackend",
]

# allauth: the second factor, passkeys and OIDC. Nobody signs up by himself, and no mail is confirmed.
ACCOUNT_ADAPTER = "datacenter.people.adapters.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_UNIQUE_EMAIL = False
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
MFA_ADAPTER = "datacenter.people.adapters.MFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_TOTP_ISSUER = "Godwit"
MFA_TOTP_TOLERANCE = 1  # a telephone's clock may be off by half a minute

# axes: who fails too often waits. By name and address together, so that nobody can shut another out from elsewhere.
LOCK_OUT_AFTER = int(os.environ.get("GODWIT_LOCK_OUT_AFTER", "5"))
LOCK_OUT_MINUTES = int(os.environ.get("GODWIT_LOCK_OUT_MINUTES", "15"))
AXES_FAILURE_LIMIT = LOCK_OUT_AFTER
AXES_COOLOFF_TIME = timedelta(minutes=LOCK_OUT_MINUTES)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # the time that was said holds
AXES_RESET_ON_SUCCESS = True
AXES_DISABLE_ACCESS_LOG = True  # we write our own
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address", "code", "credential", "csrfmiddlewaretoken"]
#: its middleware would answer with a page of its own; screens/session.py says it in ours
SILENCED_SYSTEM_CHECKS = ["axes.W002"]

# what all web processes have to know of each other's: used codes, and how often somebody tried
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "godwit_cache",
        "OPTIONS": {"MAX_ENTRIES": 20_000},
    }
}

REQUIRE_SECOND_FACTOR = os.environ.get("GODWIT_REQUIRE_SECOND_FACTOR") == "1"


def _secret(name: str, file: str) -> str:
    """The variable ``name``, or what stands in the file that ``file`` names: it need not be in the environment."""
    if kept := os.environ.get(file):
        return Path(kept).read_text().strip()
    return os.environ.get(name, "")


# OIDC: one provider
OIDC_URL = os.environ.get("GODWIT_OIDC_URL", "")
OIDC_NAME = os.environ.get("GODWIT_OIDC_NAME", "single sign-on")
OIDC_GROUPS = os.environ.get("GODWIT_OIDC_GROUPS", "groups")
OIDC_ONLY = [each for each in os.environ.get("GODWIT_OIDC_ONLY", "").split(",") if each.strip()]
OIDC_PROVIDER = "oidc"
SOCIALACCOUNT_ADAPTER = "datacenter.people.adapters.SocialAdapter"
SOCIALACCOUNT_AUTO_SIGNUP = True
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False  # an address at a provider proves no account here
SOCIALACCOUNT_EMAIL_REQUIRED = False
SOCIALACCOUNT_EMAIL_VERIFICATION = "none"
# our content policy lets no form lead to another site, and Chromium counts redirects as that
SOCIALACCOUNT_LOGIN_ON_GET = True
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_PROVIDERS: dict[str, Any] = {}
if OIDC_URL:
    SOCIALACCOUNT_PROVIDERS["openid_connect"] = {
        "OAUTH_PKCE_ENABLED": True,
        "SCOPE": os.environ.get("GODWIT_OIDC_SCOPES", "openid profile email").split(),
        "APPS": [
            {
                "provider_id": OIDC_PROVIDER,
                "name": OIDC_NAME,
                "client_id": os.environ.get("GODWIT_OIDC_CLIENT", "godwit"),
                "secret": _secret("GODWIT_OIDC_SECRET", "GODWIT_OIDC_SECRET_FILE"),
                "settings": {"server_url": OIDC_URL.rstrip("/"), "oauth_pkce_enabled": True},
            }
        ],
    }

# LDAP, Active Directory: one directory (requirements-ldap.txt)
LDAP_URL = os.environ.get("GODWIT_LDAP_URL", "")
LDAP_STARTTLS = os.environ.get("GODWIT_LDAP_STARTTLS", "1") == "1"
LDAP_CA = os.environ.get("GODWIT_LDAP_CA", "")
LDAP_BIND = os.environ.get("GODWIT_LDAP_BIND", "")
LDAP_PASSWORD = _secret("GODWIT_LDAP_PASSWORD", "GODWIT_LDAP_PASSWORD_FILE")
LDAP_USERS = os.environ.get("GODWIT_LDAP_USERS", "")
LDAP_USER_FILTER = os.environ.get("GODWIT_LDAP_USER_FILTER", "(uid=%(user)s)")
LDAP_GROUPS = os.environ.get("GODWIT_LDAP_GROUPS", "")
LDAP_GROUP_KIND = os.environ.get("GODWIT_LDAP_GROUP_KIND", "groupOfNames")
LDAP_ONLY = os.environ.get("GODWIT_LDAP_ONLY", "")
if LDAP_URL:
    AUTHENTICATION_BACKENDS.append("datacenter.people.ldap.Directory")
