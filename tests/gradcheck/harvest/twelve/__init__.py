"""Twelve pairs in the forms that people write them in, four of them wrong; and one that no test calls."""
