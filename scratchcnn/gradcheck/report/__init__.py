"""What a person reads of a check, and what a machine reads."""
