"""Backward passes that nobody wrote a test for: found by their names, checked at what their code is called with."""
