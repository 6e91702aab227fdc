"""The command line: one file per command, the tables that the commands print, and the terminal."""
