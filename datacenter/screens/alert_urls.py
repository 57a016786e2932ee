"""The addresses of alerts, runbooks, limits, rules of notification and deliveries."""

from django.urls import URLPattern, path

from datacenter.screens import alert_limits, alerts, notifications

urlpatterns: list[URLPattern] = [
    path("alerts", alerts.alerts, name="alerts"),
    path("alerts/<int:pk>", alerts.alert, name="alert"),
    path("alerts/<int:pk>/order", alerts.alert_order, name="alert_order"),
    path("alerts/runbooks", alerts.all_runbooks, name="runbooks"),
    path("alerts/runbooks/<slug:kind>", alerts.runbook, name="runbook"),
    path("alerts/limits", alert_limits.alert_limits, name="alert_limits"),
    path("alerts/rules", notifications.notification_rules, name="notification_rules"),
    path("alerts/rules/new", notifications.notification_rule_new, name="notification_rule_new"),
    path("alerts/rules/<int:pk>", notifications.notification_rule, name="notification_rule"),
    path("alerts/rules/<int:pk>/remove", notifications.notification_rule_remove, name="notification_rule_remove"),
    path("alerts/rules/<int:pk>/test", notifications.notification_rule_test, name="notification_rule_test"),
    path("alerts/deliveries", notifications.deliveries, name="deliveries"),
]
