"""The process of its own that ends doubled copies and handovers that stand still; see docs/decisions, "The handover".

``arbiter`` decides (pure), ``sight`` and ``past`` tell it what is and what was, ``acts`` does, ``watch`` is one open
migration, ``reconcile`` and ``doubts`` look for copies that no migration explains, ``process`` holds it all together.
"""
