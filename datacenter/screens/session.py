"""Signing in. Django's own views, in our frame; the name that was typed is kept."""

from django.contrib.auth import views
from django.contrib.auth.forms import AuthenticationForm
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache


class SignInForm(AuthenticationForm):
    """One sentence for every refusal: a stranger does not learn which names exist."""

    error_messages = {
        **AuthenticationForm.error_messages,
        "invalid_login": "The name and the password do not belong together. Both are case-sensitive.",
    }


@method_decorator(never_cache, name="dispatch")
class SignIn(views.LoginView):
    template_name = "registration/login.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True
