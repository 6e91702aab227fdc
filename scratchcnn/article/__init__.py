"""The network of the article: its equations, the gradient that its code computes, and the trial of that gradient."""
