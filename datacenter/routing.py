"""The websockets' addresses."""

from typing import Any

from django.urls import path

from datacenter.live.consumers import LiveConsumer

#: Channels routes applications where Django's types expect views
_live: Any = LiveConsumer.as_asgi()

websocket_urlpatterns = [path("ws/live", _live)]
