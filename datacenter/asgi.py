"""What uvicorn serves: pages by Django, sockets by Channels, and the tidy end of the live path.

Run with ``--ws auto --no-ws-per-message-deflate`` (see the README of docs/live.md for why no deflate).
"""

import os
from typing import Any

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.core.asgi import get_asgi_application
from django.urls import re_path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "datacenter.settings")
pages = get_asgi_application()  # sets Django up: only then can models be imported

from datacenter.live.hub import close_hub  # noqa: E402
from datacenter.routing import websocket_urlpatterns  # noqa: E402


async def lifespan(scope: Any, receive: Any, send: Any) -> None:
    """Nothing to start (the first socket does); at the end the listener and the painter are closed."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.shutdown":
            await close_hub()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def nowhere(scope: Any, receive: Any, send: Any) -> None:
    """A socket to an address we do not have: refused without a traceback."""
    await send({"type": "websocket.close"})


_elsewhere: Any = re_path("", nowhere)  # type: ignore[arg-type]  # Channels routes applications, not views

application = ProtocolTypeRouter(
    {
        "http": pages,
        "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter([*websocket_urlpatterns, _elsewhere]))),
        "lifespan": lifespan,
    }
)
