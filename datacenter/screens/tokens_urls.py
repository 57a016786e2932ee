"""The addresses of API tokens."""

from django.urls import URLPattern, path

from datacenter.screens import tokens

urlpatterns: list[URLPattern] = [
    path("account/tokens", tokens.account_tokens, name="account_tokens"),
    path("account/tokens/new", tokens.token_new, name="token_new"),
    path("account/tokens/<int:pk>/revoke", tokens.token_revoke, name="token_revoke"),
    path("administration/tokens", tokens.tokens, name="tokens"),
]
