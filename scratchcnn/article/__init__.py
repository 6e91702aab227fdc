"""The network of the article: its equations, the gradient that its code takes, and the trial of that."""
