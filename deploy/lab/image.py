"""The guest's kernel and initramfs, and whether KVM really boots them.

The kernel is Debian's cloud kernel, unpacked, never installed. The initramfs is static busybox and our pulse.
Both are kept in the cache folder under a name that holds what they were made of.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from deploy.lab.machine import LabError, locked, run, text_of
from deploy.lab.plan import cache_folder
from deploy.lab.processes import boot_id

SOURCES = Path(__file__).parent / "guest"
KERNEL_PACKAGE = "linux-image-cloud-amd64"
MODULES = ("button", "evdev", "virtio_pci", "virtio_balloon", "virtio_net", "virtio_blk")
MACHINE = "pc-q35-7.2"
KVM_DEADLINE_S = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """What a guest boots: files, and the accelerator ("kvm" or "qemu") that is known to boot them."""

    kernel: Path
    initrd: Path
    accelerator: str


def prepare() -> Image:
    """Make the image, or take it from the cache; raise LabError where the kernel's package can't be had."""
    cache = cache_folder()
    with locked(cache / "image.lock"):
        unpacked = _unpacked_kernel(cache)
        kernel = next(unpacked.glob("boot/vmlinuz-*"))
        initrd = _initrd(cache, unpacked)
        return Image(kernel=kernel, initrd=initrd, accelerator=_accelerator(cache, kernel, initrd))


def _unpacked_kernel(cache: Path) -> Path:
    present = sorted(cache.glob("kernel-*/boot/vmlinuz-*"))
    if present:
        return present[-1].parent.parent
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        work = Path(folder)
        package = _download(work)
        run("dpkg", "-x", next(work.glob("*.deb")), work / "tree", timeout_s=120)
        target = cache / f"kernel-{package.removeprefix('linux-image-')}"
        shutil.rmtree(target, ignore_errors=True)
        (work / "tree").rename(target)
    return target


def _download(folder: Path) -> str:
    # apt's own unprivileged user can't write here; as root it would only warn about it.
    fetch = ("apt-get", "-q", "-o", "APT::Sandbox::User=root", "download")
    try:
        package = _versioned_kernel()
        run(*fetch, package, timeout_s=300, cwd=folder)
    except LabError:
        # Stale lists name a package which the mirror has replaced since.
        run("apt-get", "-q", "update", timeout_s=300)
        package = _versioned_kernel()
        run(*fetch, package, timeout_s=300, cwd=folder)
    return package


def _versioned_kernel() -> str:
    found = re.search(r"Depends: (linux-image-\S+)", run("apt-cache", "depends", KERNEL_PACKAGE))
    if not found:
        raise LabError(f"apt knows no {KERNEL_PACKAGE}: the lab's guests need Debian's package lists")
    return found[1]


def _initrd(cache: Path, unpacked: Path) -> Path:
    busybox = Path(shutil.which("busybox") or "/bin/busybox")
    parts = [busybox.read_bytes(), unpacked.name.encode(), repr(MODULES).encode()]
    parts += [path.read_bytes() for path in sorted(SOURCES.iterdir())]
    digest = hashlib.sha256(b"\0".join(parts)).hexdigest()[:12]
    target = cache / f"initrd-{digest}.cpio"
    if not target.exists():
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            tree = Path(folder) / "tree"
            _fill_tree(tree, busybox, unpacked)
            packed = Path(folder) / "initrd"
            run("sh", "-c", f"find . | cpio --quiet -o -H newc -R 0:0 > '{packed}'", cwd=tree)
            packed.rename(target)
    return target


def _fill_tree(tree: Path, busybox: Path, unpacked: Path) -> None:
    for name in ("bin", "modules"):
        (tree / name).mkdir(parents=True)
    shutil.copy(busybox, tree / "bin/busybox")
    shutil.copy(SOURCES / "init", tree / "init")
    (tree / "init").chmod(0o755)
    run("gcc", "-O2", "-static", "-pthread", "-o", tree / "bin/pulse", SOURCES / "pulse.c")
    files = {path.name.split(".")[0].replace("-", "_"): path for path in unpacked.glob("lib/modules/**/*.ko*")}
    order: list[str] = []
    for module in MODULES:
        for name in _with_dependencies(module, files):
            if name not in order:
                order.append(name)
                shutil.copy(files[name], tree / "modules" / files[name].name)
    (tree / "modules/order").write_text("\n".join(files[name].name for name in order) + "\n")


def _with_dependencies(module: str, files: dict[str, Path]) -> Iterator[str]:
    """The modules `module` needs, deepest first, then itself; one built into the kernel has no file."""
    if module not in files:
        return
    # The package carries no modules.dep (depmod runs at installation): each module names its own needs.
    found = re.search(rb"\0depends=([^\0]*)\0", files[module].read_bytes())
    for name in (found[1].decode() if found else "").split(","):
        if name:
            yield from _with_dependencies(name.replace("-", "_"), files)
    yield module


def _accelerator(cache: Path, kernel: Path, initrd: Path) -> str:
    """ "kvm" if a guest boots with it, else "qemu" (emulation): tried once per boot of this machine.

    A nested /dev/kvm may open and yet never run a guest, so only a heartbeat counts.
    """
    note = cache / "accelerator"
    words = text_of(note).split()
    if len(words) == 2 and words[0] == boot_id():
        return words[1]
    answer = "kvm" if Path("/dev/kvm").exists() and _boots_with_kvm(cache, kernel, initrd) else "qemu"
    note.write_text(f"{boot_id()} {answer}\n")
    return answer


def _boots_with_kvm(cache: Path, kernel: Path, initrd: Path) -> bool:
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        port = Path(folder) / "beats"
        words = ["-M", f"{MACHINE},accel=kvm", "-cpu", "qemu64", "-m", "128", "-nodefaults", "-display", "none"]
        words += ["-kernel", str(kernel), "-initrd", str(initrd), "-append", "quiet beat_ms=50"]
        words += ["-serial", "null", "-serial", f"file:{port}"]
        # `timeout` ends this one QEMU whatever becomes of us; -k because a stuck KVM ignores a polite end.
        command = ["timeout", "-k", "1", str(KVM_DEADLINE_S), "qemu-system-x86_64", *words]
        pid = int(run("sh", "-c", '"$@" > /dev/null 2>&1 & echo $!', "sh", *command))
        return _beats_in(port, pid)


def _beats_in(port: Path, pid: int) -> bool:
    process = Path(f"/proc/{pid}")
    while process.exists():
        if "beat" in text_of(port):
            run("kill", str(pid), check=False)
            return True
        time.sleep(0.05)
    return "beat" in text_of(port)
