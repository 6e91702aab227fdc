"""What all lowerings work with: tiles, threads, memory that is used again, and plans that are kept."""
