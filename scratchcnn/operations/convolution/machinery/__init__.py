"""What all lowerings work with: tiles, layouts and products, and memory that is used again."""
