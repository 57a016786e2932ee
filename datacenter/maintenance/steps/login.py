"""A connection to a host's SSH server: our key, its key, and nothing of the account we run under.

No configuration file, agent, password, proxy or certificate store is used; every error becomes one of troubles.py.
"""

import asyncio
from collections.abc import Sequence
from typing import cast

import asyncssh
from asyncssh.public_key import get_default_public_key_algs

from datacenter.maintenance.steps import keys
from datacenter.maintenance.steps.keys import Target
from datacenter.maintenance.steps.troubles import (
    AccessDenied,
    KeyChanged,
    KeyUnknown,
    NotSetUp,
    ShellTrouble,
    Unreachable,
)

#: a connection that has been silent for 5 s is asked, and given up after three such silences
_KEEPALIVE_S = 5
_KEEPALIVES = 3


class _Client(asyncssh.SSHClient):
    """Refuses a host key that known_hosts does not have, and remembers which it was."""

    offered: asyncssh.SSHKey | None = None

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        self.offered = key
        return False


async def log_in(target: Target, *, within_s: float) -> asyncssh.SSHClientConnection:
    """Connect and log in. ShellTrouble: nothing was run."""
    keys.check_files(target)
    key, known = _key(target), known_hosts(target)
    client = _Client()
    try:
        async with asyncio.timeout(within_s):
            return await _connect(target, client, key, known)
    except (asyncssh.HostKeyNotVerifiable, asyncssh.KeyExchangeFailed) as exc:
        raise _distrust(target, client.offered, known) from exc
    except asyncssh.PermissionDenied as exc:
        remedy = f"add its public half there to {_authorized(target)}"
        text = f"{target.name} refuses the user {target.user} with the key {target.key}: {remedy}."
        raise AccessDenied(text) from exc
    except TimeoutError as exc:
        raise Unreachable(f"{_place(target)} did not answer within {within_s:g} s.") from exc
    except (OSError, asyncssh.Error) as exc:
        raise Unreachable(f"{_place(target)} cannot be reached over SSH: {exc}.") from exc


async def shown(target: Target, *, within_s: float) -> asyncssh.SSHKey:
    """The key that the host shows, of a known kind if it has one; nothing is logged in to. NotSetUp, Unreachable."""
    known = known_hosts(target)
    try:
        async with asyncio.timeout(within_s):
            key = await asyncssh.get_server_host_key(
                target.address, target.port, config=None, server_host_key_algs=_kinds(target, known)
            )
    except TimeoutError as exc:
        raise Unreachable(f"{_place(target)} did not answer within {within_s:g} s.") from exc
    except (OSError, asyncssh.Error) as exc:
        raise Unreachable(f"{_place(target)} cannot be reached over SSH: {exc}.") from exc
    if key is None:
        raise Unreachable(f"{_place(target)} showed no key.")
    return key


async def check(target: Target, *, within_s: float) -> None:
    """Raise KeyChanged or KeyUnknown where a login would; NotSetUp, Unreachable."""
    keys.check_files(target)
    known = known_hosts(target)
    if known.match(target.address, "", target.port)[1]:
        return  # an authority vouches for it: only a login shows the certificate
    key = await shown(target, within_s=within_s)
    if key not in trusted(target, known):
        raise _distrust(target, key, known)


async def _connect(
    target: Target, client: _Client, key: asyncssh.SSHKey, known: asyncssh.SSHKnownHosts
) -> asyncssh.SSHClientConnection:
    return await asyncssh.connect(
        target.address,
        target.port,
        username=target.user,
        client_factory=lambda: client,
        client_keys=[key],
        known_hosts=known,
        config=None,
        agent_path=None,
        preferred_auth=("publickey",),
        gss_host=None,
        x509_trusted_certs=None,
        x509_trusted_cert_paths=None,
        server_host_key_algs=_kinds(target, known),
        keepalive_interval=_KEEPALIVE_S,
        keepalive_count_max=_KEEPALIVES,
    )


def _key(target: Target) -> asyncssh.SSHKey:
    try:
        return asyncssh.read_private_key(str(target.key))
    except (OSError, asyncssh.KeyImportError) as exc:
        if "assphrase" in str(exc):
            raise NotSetUp(f"The private key {target.key} has a passphrase, which nobody is there to type.") from exc
        raise NotSetUp(f"The private key {target.key} cannot be read: {exc}.") from exc


def known_hosts(target: Target) -> asyncssh.SSHKnownHosts:
    """Trusted keys; none where there is no file. (None would let asyncssh trust every key.) NotSetUp."""
    try:
        text = target.known_hosts.read_text() if target.known_hosts.exists() else ""
        return asyncssh.import_known_hosts(text)
    except (OSError, ValueError) as exc:
        raise NotSetUp(f"{target.known_hosts} cannot be read: {exc}.") from exc


def trusted(target: Target, known: asyncssh.SSHKnownHosts) -> list[asyncssh.SSHKey]:
    """The keys that known_hosts has for this host."""
    return cast(list[asyncssh.SSHKey], list(known.match(target.address, "", target.port)[0]))


def _kinds(target: Target, known: asyncssh.SSHKnownHosts) -> Sequence[str]:
    """Kinds of host keys: the known ones first, and the others too, so that a key of another kind can be named."""
    found = known.match(target.address, "", target.port)
    if found[1]:  # an authority vouches for its hosts: asyncssh's own order
        return ()
    wanted = [kind for key in cast(list[asyncssh.SSHKey], found[0]) for kind in key.sig_algorithms]
    return [each.decode() for each in dict.fromkeys([*wanted, *get_default_public_key_algs()])]


def _distrust(target: Target, key: asyncssh.SSHKey | None, known: asyncssh.SSHKnownHosts) -> ShellTrouble:
    had = [each.get_fingerprint() for each in trusted(target, known)]
    fingerprint = key.get_fingerprint() if key else ""
    if had:
        other = f"another SSH host key ({fingerprint})" if key else "no SSH host key of a known kind"
        return KeyChanged(
            f"{_place(target)} shows {other} than the known one ({', '.join(had)}): it was set up anew, or another"
            f" machine answers in its place. Nothing was run. If the new key is right: {target.trust} --replace"
        )
    if key is None:
        return Unreachable(f"No SSH connection to {_place(target)} could be agreed upon.")
    return KeyUnknown(
        f"The SSH host key of {_place(target)} ({fingerprint}) is not known. Nothing was run."
        f" Add it with {target.trust}"
    )


def _place(target: Target) -> str:
    address = target.address if target.port == 22 else f"{target.address} port {target.port}"
    return f"{target.name} ({address})"


def _authorized(target: Target) -> str:
    return "/root/.ssh/authorized_keys" if target.user == "root" else f"~{target.user}/.ssh/authorized_keys"
