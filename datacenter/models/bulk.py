"""Many at once: one order for many VMs, and what became of each. Times are UTC."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from hosts.models import VM, Host, Migration, Operation


class BulkOrder(models.Model):
    """One order of one person for many VMs: who, what, for which. Carried out in the background, item by item."""

    noun = "bulk_order"

    class Action(models.TextChoices):
        START = "start", "Start"
        SHUTDOWN = "shutdown", "Shut down"
        POWER_OFF = "power_off", "Power off"
        MIGRATE = "migrate", "Migrate"
        TAG = "tag", "Tag"
        UNTAG = "untag", "Take tags away"

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        CANCELLED = "cancelled", "Cancelled"

    action = models.CharField(max_length=20, choices=Action.choices)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="bulk_orders")
    ordered_by = models.CharField(max_length=150)  # a name that stays readable
    ordered_at = models.DateTimeField(default=timezone.now)
    query = models.CharField(
        max_length=2000, blank=True, default=""
    )  # of the list, "all that match"; "": picked by hand
    tags = models.JSONField(default=list, blank=True)
    destination = models.ForeignKey(Host, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    cancelled_by = models.CharField(max_length=150, blank=True, default="")  # what has not begun does not begin
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-ordered_at", "-id")

    @property
    def is_open(self) -> bool:
        return self.state in (self.State.WAITING, self.State.RUNNING)

    def __str__(self) -> str:
        return f"{self.get_action_display()} many VMs"


class BulkItem(models.Model):
    """One VM of a bulk order. ORDERED: what came of it is told by its operation or migration."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        ORDERED = "ordered", "Ordered"
        REFUSED = "refused", "Refused"
        CANCELLED = "cancelled", "Not begun"

    order = models.ForeignKey(BulkOrder, on_delete=models.CASCADE, related_name="items")
    vm = models.ForeignKey(VM, on_delete=models.CASCADE, related_name="bulk_items")
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    why = models.CharField(max_length=500, blank=True, default="")  # it was refused
    operation = models.ForeignKey(Operation, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    migration = models.ForeignKey(Migration, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    at = models.DateTimeField(null=True, blank=True)  # when it was ordered or refused

    class Meta:
        ordering = ("id",)
        constraints = [models.UniqueConstraint(fields=["order", "vm"], name="one_item_a_vm_in_a_bulk_order")]
        indexes = [models.Index(fields=["order", "state"], name="bulk_items_by_state")]

    def __str__(self) -> str:
        return f"{self.vm} in {self.order}"
