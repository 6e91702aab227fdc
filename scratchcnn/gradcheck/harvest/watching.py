"""Seeing the calls of a function, which stays as it is: the same object, in no further frame, whoever holds it.

From Python 3.12 on the interpreter tells of the calls (PEP 669). Before, the function's code is given one more
instruction at its start.
"""

import sys
from collections.abc import Callable
from types import CodeType, FrameType, FunctionType

Seen = Callable[[FrameType], None]
# What is called for the code of each function, by the code's id.
_SEEN: dict[int, Seen] = {}
# The numbers that the interpreter leaves to tools without one of their own.
_TOOLS = (3, 4)


def watch(function: FunctionType, seen: Seen) -> Callable[[], None]:
    """Calls `seen` with the frame of each call of the function, before its first statement.

    Parameters
    ----------
    function
        A function written in Python.
    seen
        It must not raise.

    Returns
    -------
    function
        It ends the watch.

    Raises
    ------
    ModuleNotFoundError
        Python is older than 3.12, and `bytecode` is not installed.
    """
    before = function.__code__
    # A code of its own: functions that one `def` made several times have one code.
    function.__code__ = _monitored(before.replace(), seen) if sys.version_info >= (3, 12) else _prefixed(before, seen)

    def end() -> None:
        _SEEN.pop(id(function.__code__), None)
        function.__code__ = before

    return end


def _prefixed(code: CodeType, seen: Seen) -> CodeType:
    """The code with a call before its first statement."""
    from bytecode import Bytecode, Instr

    def call() -> None:
        seen(sys._getframe(1))

    body = Bytecode.from_code(code)
    start = next(k for k, instruction in enumerate(body) if getattr(instruction, "name", "") == "RESUME") + 1
    calling = (("PUSH_NULL",), ("LOAD_CONST", call), ("PRECALL", 0), ("CALL", 0), ("POP_TOP",))
    body[start:start] = [Instr(*parts) for parts in calling]
    watched: CodeType = body.to_code()
    return watched


def _monitored(code: CodeType, seen: Seen) -> CodeType:
    """The code, of whose calls the interpreter tells."""
    monitoring = sys.monitoring  # type: ignore[attr-defined,unused-ignore]
    event = monitoring.events.PY_START
    mine = [tool for tool in _TOOLS if monitoring.get_tool(tool) == __name__]
    free = [tool for tool in _TOOLS if monitoring.get_tool(tool) is None]
    if not mine:
        monitoring.use_tool_id(free[0], __name__)
        monitoring.register_callback(free[0], event, _started)
    _SEEN[id(code)] = seen
    monitoring.set_local_events((mine or free)[0], code, event)
    return code


def _started(code: CodeType, offset: int) -> None:
    seen = _SEEN.get(id(code))
    if seen is not None:
        seen(sys._getframe(1))
