"""parse_uri refuses whatever could read or run something on our machine, with a sentence for the person."""

import pytest

from hosts.virt.connect import connect, parse_uri
from hosts.virt.errors import UriRefused

REFUSED = {
    "nothing": "",
    "no URI at all": "h1",
    "a transport that runs a command": "qemu+ext:///system?command=/bin/sh",
    "the same in capitals": "QEMU+EXT:///system",
    "another hypervisor": "xen:///system",
    "the web": "http://h1/system",
    "a session daemon": "qemu:///session",
    "an embedded driver, which makes folders": "qemu:///embed?root=/tmp/x",
    "a test host from a file of ours": "test:////etc/passwd",
    "a path beyond system": "qemu+tcp://h1/system/../session",
    "no host": "qemu+tcp:///system",
    "a host for the local daemon": "qemu://h1/system",
    "a password": "qemu+ssh://root:secret@h1/system",
    "an empty password": "qemu+ssh://root:@h1/system",
    "a user for TLS": "qemu+tls://root@h1/system",
    "a user that is an option of ssh": "qemu+ssh://-oProxyCommand=x@h1/system",
    "a host that is an option of ssh": "qemu+ssh://-oProxyCommand=x/system",
    "a command": "qemu+ssh://h1/system?command=/bin/sh",
    "a command behind an allowed parameter": "qemu+ssh://h1/system?mode=auto&command=/bin/sh",
    "a command behind libvirt's other separator": "qemu+ssh://h1/system?mode=auto;command=/bin/sh",
    "a command behind a lone semicolon": "qemu+ssh://h1/system?;command=/bin/sh",
    "an escaped command": "qemu+ssh://h1/system?c%6fmmand=/bin/sh",
    "a parameter with an escaped equals sign": "qemu+ssh://h1/system?command%3d/bin/sh",
    "netcat": "qemu+ssh://h1/system?netcat=/bin/sh",
    "a socket": "qemu+ssh://h1/system?socket=/etc/shadow",
    "a key of ours": "qemu+ssh://h1/system?keyfile=/root/.ssh/id_rsa",
    "no verification over TLS": "qemu+tls://h1/system?no_verify=1",
    "a folder of certificates": "qemu+tls://h1/system?pkipath=/tmp",
    "no host key check": "qemu+ssh://h1/system?known_hosts_verify=ignore",
    "a parameter's value that is not listed": "qemu+ssh://h1/system?mode=anything",
    "a fragment": "qemu+tcp://h1/system#x",
    "a port that is none": "qemu+tcp://h1:http/system",
    "a port too high": "qemu+tcp://h1:65536/system",
    "a space": "qemu+tcp://h 1/system",
    "a new line": "qemu+tcp://h1/system\nqemu+ext:///x",
    "a NUL": "qemu+tcp://h1\x00/system",
    "a backslash": "qemu+tcp://h1\\@h2/system",
    "a letter that only looks like k": "qemu+tcp://\u212aelvin/system",
    "a percent sign in the host": "qemu+tcp://h1%2f/system",
    "a zone of IPv6": "qemu+tcp://[fe80::1%25eth0]/system",
    "a bracket too few": "qemu+tcp://[::1/system",
    "too long": "qemu+tcp://" + "h" * 300 + "/system",
    "a simulated host without a name": "sim:///",
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED.keys())
def test_it_refuses(text: str) -> None:
    with pytest.raises(UriRefused) as refused:
        parse_uri(text)
    assert len(str(refused.value)) > 15


def test_it_names_the_transports_that_are_allowed() -> None:
    with pytest.raises(UriRefused, match=r"qemu\+ext.*qemu\+ssh, qemu\+tcp, qemu\+tls"):
        parse_uri("qemu+ext://h1/system")


def test_connect_refuses_before_it_opens_anything() -> None:
    with pytest.raises(UriRefused):
        connect("qemu+ssh://h1/system?command=/bin/false")
