"""What a person reads at a prompt."""
