"""Networks: layers made of operations, a network made of layers, and how one is trained."""
