"""One file a noun: what is told of it, and what may be ordered. Thin: what is refused and why, the orders say."""
