"""What every package may use: lazy patterns, hunk heads, a bound on time, processes, escapes for untrusted text."""
