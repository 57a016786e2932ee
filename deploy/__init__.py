"""Everything that puts Godwit on a machine: bootstrap, packages, and the lab of real hosts."""
