"""Which mistake explains a wrong gradient: a file for each family of mistakes.

A *claim* says what the wrong gradient is ("the true one turned by 180 degrees"). It is offered only where it holds at
every entry whose derivative is known, and again at a second point with another cotangent: proved, not guessed.
"""
