"""Reading a domain's XML never raises and never reads or builds what the XML asks for."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hosts.virt.libvirt.xml import LONGEST_TEXT_CHARS, MOST_DEVICES, DomainShape, clean, read_domain, size_bytes
from hosts.virt.libvirt.xml import read_xml as read

EMPTY = DomainShape()

LAUGHS = (
    '<!DOCTYPE lolz [<!ENTITY lol "lol">'
    + "".join(f'<!ENTITY lol{n} "{f"&lol{n - 1 if n > 1 else str()};" * 10}">' for n in range(1, 10))
    + "]><domain type='kvm'><title>&lol9;</title></domain>"
)
XXE = '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><domain type="kvm"><description>&x;</description></domain>'


def test_it_does_not_laugh_a_billion_times() -> None:
    began = time.monotonic()
    assert read_domain(LAUGHS) == EMPTY
    assert time.monotonic() - began < 1


def test_it_reads_no_file_of_ours() -> None:
    assert read_domain(XXE) == EMPTY


def test_it_takes_no_dtd_at_all() -> None:
    assert read_domain("<!DOCTYPE domain><domain type='kvm'/>") == EMPTY


def test_it_does_not_read_five_megabytes() -> None:
    assert read_domain("<domain type='kvm'><title>" + "x" * 5_000_000 + "</title></domain>") == EMPTY


@pytest.mark.parametrize(
    "text",
    ["", "not xml", "<domain", "<domain></network>", "\x00", "<domain>\x00</domain>", "<network/>", "<a>" * 200_000],
    ids=["nothing", "no xml", "cut", "crossed", "nul", "nul inside", "another root", "deep"],
)
def test_it_gives_an_empty_shape_for(text: str) -> None:
    assert read_domain(text) == EMPTY


def test_it_survives_deep_nesting() -> None:
    deep = "<a>" * 100_000 + "</a>" * 100_000
    shape = read_domain(f"<domain type='kvm'><cpu><model>x</model>{deep}</cpu><devices>{deep}</devices></domain>")
    assert (shape.virt_type, shape.cpu_model, shape.cpu_xml) == ("kvm", "x", "")


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "שלום‮‏", "🦆🦆", "a\tb", "名前", "'; DROP TABLE vm; --"])
def test_it_keeps_names_of_any_script_as_they_are(name: str) -> None:
    escaped = name.replace("&", "&amp;").replace("<", "&lt;")
    assert read_domain(f"<domain><title>{escaped}</title></domain>").title == name


def test_it_cuts_what_is_too_long_and_drops_what_postgresql_cannot_hold() -> None:
    assert len(clean("x" * 10_000)) == LONGEST_TEXT_CHARS
    assert clean("a\x00b\ud800c") == "ab?c"
    assert clean(None) == ""


@pytest.mark.parametrize(
    ("element", "size"),
    [
        ("<memory>524288</memory>", 536870912),
        ("<memory unit='KiB'>1</memory>", 1024),
        ("<memory unit='b'>7</memory>", 7),
        ("<memory unit='MB'>1</memory>", 1_000_000),
        ("<memory unit='GiB'> 2 </memory>", 2 << 30),
        ("<memory unit='parsec'>2</memory>", 0),
        ("<memory>-1</memory>", 0),
        ("<memory>many</memory>", 0),
        ("<memory/>", 0),
        ("<memory>٣</memory>", 0),
        ("<memory unit='PiB'>99999999999999999999</memory>", 2**63 - 1),
        ("<memory>" + "9" * 5000 + "</memory>", 0),
    ],
)
def test_it_reads_sizes(element: str, size: int) -> None:
    assert size_bytes(read(element)) == size


def test_it_stops_counting_devices_somewhere() -> None:
    shape = read_domain("<domain><devices>" + "<interface/>" * 5000 + "<disk/>" * 5000 + "</devices></domain>")
    assert (len(shape.nics), len(shape.disks)) == (MOST_DEVICES, MOST_DEVICES)


_TAGS = st.sampled_from(
    [
        "domain",
        "devices",
        "disk",
        "interface",
        "source",
        "target",
        "memory",
        "vcpu",
        "os",
        "type",
        "cpu",
        "model",
        "address",
        "title",
    ]
)
_ATTRIBUTES = st.dictionaries(
    st.sampled_from(["type", "unit", "dev", "file", "network", "bus", "slot", "mode", "current", "machine"]),
    st.text(st.characters(blacklist_categories=["Cs", "Cc"]), max_size=8).map(
        lambda text: text.translate({ord("<"): "", ord("&"): "", ord('"'): ""})
    ),
    max_size=3,
)


def _element(children: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds(
        lambda tag, attributes, inside: (
            f"<{tag} " + " ".join(f'{name}="{value}"' for name, value in attributes.items()) + f">{inside}</{tag}>"
        ),
        _TAGS,
        _ATTRIBUTES,
        st.lists(children, max_size=4).map("".join),
    )


@given(st.recursive(st.sampled_from(["", "7", "x"]), _element, max_leaves=20))
def test_it_never_raises(inside: str) -> None:
    assert isinstance(read_domain(f"<domain type='kvm'>{inside}</domain>"), DomainShape)


@given(st.text())
def test_it_never_raises_on_any_text(text: str) -> None:
    assert isinstance(read_domain(text), DomainShape)
