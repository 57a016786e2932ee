"""The websockets' addresses."""

from typing import Any

from django.urls import path

from datacenter.live.consumers import LiveConsumer

#: Channels routes applications where Django's types expect views
websocket_urlpatterns: list[Any] = [path("ws/live", LiveConsumer.as_asgi())]
