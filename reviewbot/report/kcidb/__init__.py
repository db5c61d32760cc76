"""Reviews for KCIDB, the database of KernelCI: what to send there, as its schema has it."""
