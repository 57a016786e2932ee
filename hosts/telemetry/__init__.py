"""How the machine room hears: one connection a host, events at once, bulk figures on a beat, the inventory kept true.

::

    hypervisor → pool.py (blocking calls, no database) → collector.py (one thread: "the desk") → inventory.py → feed
                 callbacks only enqueue  ───────────────┘        listener.py: what we know of one host
"""
