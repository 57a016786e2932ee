"""When a migration ends, whether it does, and how long the guest pauses: before the start and at each pass. Pure.

docs/forecast.md says how it is built and how well it does.
"""
