"""The backward passes of one file, or module: found by their names, checked at inputs that are drawn for them."""
