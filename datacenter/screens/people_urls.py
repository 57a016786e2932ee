"""The addresses of signing in, of one's own account, and of the administration of accounts.

allauth's views keep allauth's names, since it looks them up; what it has besides (sign-up, mail) is not routed.
"""

from allauth.account.views import reauthenticate
from allauth.mfa.base.views import reauthenticate as mfa_reauthenticate
from allauth.mfa.recovery_codes import views as codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as webauthn
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LogoutView
from django.urls import URLPattern, path

from datacenter.screens import account, session, users

_ONE = {"provider_id": settings.OIDC_PROVIDER}

_DOOR: list[URLPattern] = [
    path("login", session.SignIn.as_view(), name="login"),
    path("login", session.to_login, name="account_login"),
    path("login", session.to_login, name="account_inactive"),
    path("login", session.to_login, name="socialaccount_signup"),
    path("login", session.to_login, name="socialaccount_connections"),
    path("login", session.to_login, name="socialaccount_login_cancelled"),
    path("login/second", session.SecondStep.as_view(), name="mfa_authenticate"),
    path("login/passkey", login_not_required(webauthn.login_webauthn), name="mfa_login_webauthn"),
    path("login/oidc", session.oidc_begin, _ONE, name="openid_connect_login"),
    path("login/oidc/callback", session.oidc_return, _ONE, name="openid_connect_callback"),
    path("logout", LogoutView.as_view(), name="logout"),
    path("logout", LogoutView.as_view(), name="account_logout"),
]

_ACCOUNT: list[URLPattern] = [
    path("account", account.account, name="account"),
    path("account/password", account.OwnPassword.as_view(), name="account_password"),
    path("account/sessions/end", account.account_sessions_end, name="account_sessions_end"),
    path("account/sessions/<int:pk>/end", account.account_session_end, name="account_session_end"),
    path("account/factor", account.account_factor_first, name="account_factor_first"),
    path("account/prove", reauthenticate, name="account_reauthenticate"),
    path("account/prove/code", mfa_reauthenticate, name="mfa_reauthenticate"),
    path("account/prove/passkey", webauthn.reauthenticate_webauthn, name="mfa_reauthenticate_webauthn"),
    path("account", account.account, name="mfa_index"),
    path("account", account.account, name="mfa_list_webauthn"),
    path("account/app", totp.activate_totp, name="mfa_activate_totp"),
    path("account/app/remove", totp.deactivate_totp, name="mfa_deactivate_totp"),
    path("account/codes", codes.view_recovery_codes, name="mfa_view_recovery_codes"),
    path("account/codes/new", codes.generate_recovery_codes, name="mfa_generate_recovery_codes"),
    path("account/codes/file", codes.download_recovery_codes, name="mfa_download_recovery_codes"),
    path("account/passkeys/add", webauthn.add_webauthn, name="mfa_add_webauthn"),
    path("account/passkeys/<int:pk>/remove", webauthn.remove_webauthn, name="mfa_remove_webauthn"),
]

_USERS: list[URLPattern] = [
    path("administration/users", users.users, name="users"),
    path("administration/users/add", users.user_add, name="user_add"),
    path("administration/users/<int:pk>", users.user, name="user"),
    path("administration/users/<int:pk>/password", users.user_password, name="user_password"),
    path("administration/users/<int:pk>/sessions/end", users.user_sessions_end, name="user_sessions_end"),
    *(
        path(f"administration/users/<int:pk>/{deed}", users.user_do, {"deed": deed}, name="user_do")
        for deed in users.DEEDS
    ),
]

urlpatterns = [*_DOOR, *_ACCOUNT, *_USERS]
