"""A lab of real libvirt hosts on one Linux machine: see README.md here for how to use it.

machine    what this machine can, running commands, waiting
plan       names, addresses and UUIDs of a lab: pure, the same at every `up`
processes  processes by recorded pid *and* start time
network    namespaces, links, the bridge
rooms      a host's private folders and the holder of its namespaces
daemon     a host's libvirtd
image      the guest's kernel and initramfs
guests     domain XML and the demo set
beats      heartbeats of a guest, seen from outside
faults     cut, drop, slow, freeze, kill
lab        Lab: all of it together
sharing    one lab for several test processes
cli        python3 -m deploy.lab
"""

from deploy.lab.guests import GuestSpec
from deploy.lab.lab import Lab, LabHost
from deploy.lab.machine import LabError, why_not

__all__ = ["GuestSpec", "Lab", "LabError", "LabHost", "why_not"]
