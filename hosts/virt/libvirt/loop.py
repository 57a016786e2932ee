"""The one event loop thread of this process, which every libvirt connection needs.

Without it no event arrives, no keepalive is sent, and a call to a frozen host never returns. ``libvirtaio`` is not
thread-safe; libvirt's own default loop is.
"""

import logging
import threading

import libvirt

from hosts.virt.clock import WALL

log = logging.getLogger(__name__)

_lock = threading.Lock()
_thread: threading.Thread | None = None
#: The default loop fails only where poll() itself fails; then it is tried again this much later.
_RETRY_S = 1.0


def ensure_loop() -> None:
    """Start the loop if it does not run yet. Must come before the first connection: libvirt looks only once."""
    global _thread
    with _lock:
        if _thread is not None:
            return
        # without a handler libvirt prints every error to stderr beside raising it
        libvirt.registerErrorHandler(_quiet, None)
        libvirt.virEventRegisterDefaultImpl()
        _thread = threading.Thread(target=_run, name="libvirt-events", daemon=True)
        _thread.start()


def _run() -> None:
    while True:
        try:
            libvirt.virEventRunDefaultImpl()
        except libvirt.libvirtError:
            log.exception("The libvirt event loop stumbled; it goes on.", extra={"action": "libvirt_loop_error"})
            WALL.sleep(_RETRY_S)


def _quiet(_context: object, _error: object) -> None:
    """Errors reach us as exceptions."""
