"""What was raised, in words."""


def in_words(error: BaseException) -> str:
    """The kind of an exception, and what it says, if it says anything."""
    kind, text = type(error).__name__, str(error)
    return f"{kind}: {text}" if text else kind
