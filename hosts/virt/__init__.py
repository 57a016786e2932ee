"""The boundary to the hypervisor: no Django here, importable from a REPL.

Only ``hosts.virt.libvirt`` imports libvirt; only ``hosts.virt.sim`` knows the simulated datacenter.
Both speak :class:`hosts.virt.driver.Driver`, records of :mod:`hosts.virt.records`, errors of :mod:`hosts.virt.errors`.
"""
