"""Maintenance: plans that empty hosts, have work done on them and give them back; policies that make such plans."""
