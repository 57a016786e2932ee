"""The simulated datacenter: hosts, guests, faults, its own clock. Ships for demos, scale tests and fault tests."""
