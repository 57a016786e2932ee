"""The websockets' addresses."""

from typing import Any

from django.urls import path

from datacenter.live.consumers import LiveConsumer
from datacenter.wall.consumer import WallConsumer

#: Channels routes applications where Django's types expect views
_live: Any = LiveConsumer.as_asgi()
_wall: Any = WallConsumer.as_asgi()

websocket_urlpatterns = [path("ws/live", _live)]
#: these are routed around sessions and cookies
wall_urlpatterns = [path("ws/wall", _wall)]
