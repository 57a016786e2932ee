"""Answers to what cannot be shown: 400, 403, 404, 500 and a failed CSRF check, in our frame and in calm words."""

from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.views.decorators.csrf import requires_csrf_token


class BadParameter(BadRequest):
    """A parameter that makes no sense; its text is a sentence for the person."""


@requires_csrf_token
def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    said = str(exception) if isinstance(exception, BadParameter) else "The address or the form makes no sense here."
    return _answer(request, 400, "This cannot be asked for", said)


@requires_csrf_token
def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _answer(request, 403, "Not permitted", str(exception) or "You may not see or do this. Ask an administrator.")


@requires_csrf_token
def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    known = isinstance(exception, Http404) and exception.args and str(exception).endswith(".")
    said = str(exception) if known else "Nothing is at this address. It may have been mistyped, or the link is old."
    return _answer(request, 404, "Not found", said)


def server_error(request: HttpRequest) -> HttpResponse:
    """Says nothing of the reason, asks the database nothing: it may be what failed."""
    said = "Godwit could not make this page. The log of the web process says why. Nothing was ordered by it."
    return HttpResponse(render_to_string("500.html", {"said": said}), status=500)


@requires_csrf_token
def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    said = "The form was too old, or came from another page. Reload the page and do it again; nothing was ordered."
    return _answer(request, 403, "The form was not accepted", said)


def _answer(request: HttpRequest, code: int, title: str, said: str) -> HttpResponse:
    """A page; for htmx a line among the toasts, so that the page a person stands on is not lost."""
    context = {"code": code, "title": title, "said": said}
    if "HX-Request" in request.headers:
        response = render(request, "frame/_refusal.html", context, status=code)
        response["HX-Retarget"] = "#toasts"
        response["HX-Reswap"] = "innerHTML"
        return response
    return render(request, "error.html", context, status=code)
