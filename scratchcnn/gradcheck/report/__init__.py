"""The report on a check: for a person to read, and for a machine."""
