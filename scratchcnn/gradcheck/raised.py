"""What is raised, and what was, in words."""


class WrongForm(TypeError):
    """A function returns something in a form that is not what a check takes."""

    # Tracebacks, and pytest's summary, put the module before the name, unless it is this one.
    __module__ = "builtins"


def in_words(error: BaseException) -> str:
    """The kind of an exception, and what it says, if it says anything."""
    kind, text = type(error).__name__, str(error)
    return f"{kind}: {text}" if text else kind
