"""Rules of notification, one's own and the installation's; and what became of each message."""

from typing import Any

from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from datacenter import orders
from datacenter.access import SYSTEM, Verb, can
from datacenter.models import Channel, Delivery, NotificationRule
from datacenter.notify.hook import secret_of
from datacenter.orders import notifications
from datacenter.screens.listing import Column, Facet, Listing, show
from datacenter.screens.notification_form import RuleForm, typed

RULES = Listing(
    key="notification_rules",
    noun="notification_rule",
    row_template="notifications/_row.html",
    search=("name", "target", "scope_name"),
    empty="Nobody is told of anything yet. A rule says what is told to whom, by mail or webhook.",
    columns=(
        Column(key="enabled", label="State", sort="enabled", optional=False),
        Column(key="name", label="Rule", sort="name", optional=False),
        Column(key="about", label="Tells of", width="c-wide"),
        Column(key="scope", label="Under", sort="scope_name", width="c-wide c-medium"),
        Column(key="to", label="To", sort="target", width="c-wide"),
        Column(key="owner", label="Of", sort="owner__username", end=True),
    ),
)
DELIVERIES = Listing(
    key="deliveries",
    noun="delivery",
    row_template="notifications/_delivery.html",
    search=("subject", "rule_name", "target"),
    sort="-made",
    facets=(
        Facet(key="channel", label="By", lookup="channel", options=lambda: list(Channel.choices)),
        Facet(key="stage", label="About", lookup="stage", options=lambda: list(Delivery.Stage.choices)),
    ),
    empty="Nothing was sent yet.",
    columns=(
        Column(key="outcome", label="Outcome", optional=False),
        Column(key="subject", label="Message", sort="subject", optional=False),
        Column(key="rule", label="Rule", sort="rule_name", width="c-wide"),
        Column(key="to", label="To", sort="target", width="c-wide c-medium"),
        Column(key="tries", label="Tries", sort="attempts", end=True, width="c-wide"),
        Column(key="made", label="Made", sort="made_at", end=True),
    ),
)


@require_safe
def notification_rules(request: HttpRequest) -> HttpResponse:
    """One's own rules, and for administrators those of the installation."""
    context = {"tab": "rules", "administers": _administers(request.user)}
    return show(request, RULES, _mine(request.user), "notifications/list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def notification_rule_new(request: HttpRequest) -> HttpResponse:
    """A new rule: one's own, or with ``?of=all`` the installation's."""
    return _edit(request, None, own=request.GET.get("of") != "all")


@require_http_methods(["GET", "HEAD", "POST"])
def notification_rule(request: HttpRequest, pk: int) -> HttpResponse:
    """One rule: what it says, its secret, the test button, its last messages."""
    row = _find(request, pk)
    return _edit(request, row, own=row.owner_id is not None)


@require_POST
def notification_rule_remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Take it away, and lead to the list."""
    row = _find(request, pk)
    try:
        notifications.remove_rule(request.user, row)
    except orders.Refused as exc:
        messages.error(request, str(exc))
        return redirect("notification_rule", pk)
    messages.success(request, f"The rule {row.name} is removed.")
    return redirect("notification_rules")


@require_http_methods(["GET", "HEAD", "POST"])
def notification_rule_test(request: HttpRequest, pk: int) -> HttpResponse:
    """POST sends a test; GET says what came of the newest, and asks again while one is on its way."""
    row = _find(request, pk)
    refused = ""
    if request.method == "POST":
        try:
            notifications.test_rule(request.user, row)
        except orders.Refused as exc:
            refused = str(exc)
    newest = row.deliveries.filter(stage=Delivery.Stage.TEST).order_by("-pk").first()
    return render(request, "notifications/_test.html", {"rule": row, "test": newest, "refused": refused})


@require_safe
def deliveries(request: HttpRequest) -> HttpResponse:
    """What was sent, tried, failed, and why: of one's own rules, for administrators of the installation's too."""
    rows = Delivery.objects.select_related("rule")
    if not _administers(request.user):
        rows = rows.filter(owner=request.user.pk)
    else:
        rows = rows.filter(Q(owner=None) | Q(owner=request.user.pk))
    return show(request, DELIVERIES, rows, "notifications/deliveries.html", {"tab": "deliveries"})


def _edit(request: HttpRequest, row: NotificationRule | None, *, own: bool) -> HttpResponse:
    form = RuleForm(request.POST or None, initial=typed(row), own=own, user=request.user)
    if request.method == "POST" and form.is_valid():
        try:
            made = notifications.save_rule(request.user, row, form.draft(), own=own)
        except orders.Forbidden as exc:
            form.add_error(None, str(exc))
            return render(request, "notifications/edit.html", _context(request, row, form, own), status=403)
        except orders.Refused as exc:
            form.blame(exc.field, str(exc))
        else:
            messages.success(request, "Saved. It counts from the next thing that happens.")
            return redirect("notification_rule", made.pk)
    return render(
        request, "notifications/edit.html", _context(request, row, form, own), status=422 if form.is_bound else 200
    )


def _context(request: HttpRequest, row: NotificationRule | None, form: RuleForm, own: bool) -> dict[str, Any]:
    context: dict[str, Any] = {"rule": row, "form": form, "own": own, "tab": "rules"}
    if row is not None:
        sent = row.deliveries.order_by("-made_at", "-pk")
        context |= {
            "secret": secret_of(row.salt) if row.channel == Channel.WEBHOOK else "",
            "deliveries": sent[:10],
            "test": sent.filter(stage=Delivery.Stage.TEST).first(),
            "columns": DELIVERIES.columns,
        }
    return context


def _mine(user: Any) -> QuerySet[NotificationRule]:
    rows = NotificationRule.objects.select_related("owner")
    if _administers(user):
        return rows.filter(Q(owner=None) | Q(owner=user.pk))
    return rows.filter(owner=user.pk)


def _find(request: HttpRequest, pk: int) -> NotificationRule:
    row = _mine(request.user).filter(pk=pk).first()
    if row is None:
        raise Http404("There is no such rule.")
    return row


def _administers(user: Any) -> bool:
    return can(user, Verb.ADMINISTER, SYSTEM)
