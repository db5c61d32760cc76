"""What every package may use: lazy patterns, a bound on time, worker processes, escapes for untrusted text."""
