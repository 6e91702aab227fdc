"""The command line: one file for each command, the tables that they print, and the terminal."""
