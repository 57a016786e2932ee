"""What can go wrong with SSH, each a sentence for the person.

::

    ShellTrouble
    ├── NotSetUp        our own files: no key, wrong mode, no address       nothing was asked of the host
    ├── KeyUnknown      the host's key is not in known_hosts                nothing was asked of the host
    ├── KeyChanged      the host shows another key than known_hosts         nothing was asked of the host
    ├── AccessDenied    the host refused our key or user                    nothing was run
    └── Unreachable     no connection, or none that got as far as a login   nothing was run
"""


class ShellTrouble(Exception):
    """Nothing was run on the host."""


class NotSetUp(ShellTrouble):
    """A file of ours is missing, or cannot be trusted."""


class KeyUnknown(ShellTrouble):
    """The host's key is not in known_hosts."""


class KeyChanged(ShellTrouble):
    """The host shows another key than the one in known_hosts."""


class AccessDenied(ShellTrouble):
    """The host refused our key or user."""


class Unreachable(ShellTrouble):
    """No connection, or none that got as far as a login."""
