"""Seeing the calls of a function, which stays as it is: the same object, in no further frame, whoever holds it.

From Python 3.12 on the interpreter tells of the calls (PEP 669). Before, the function's code is given one more
instruction at its start.
"""

import sys
from collections.abc import Callable
from functools import partial
from types import CodeType, FrameType, FunctionType

Seen = Callable[[FrameType], None]
# What is called for the code of each function, by the code's id.
_SEEN: dict[int, Seen] = {}
# The numbers that the interpreter leaves to tools without one of their own. Hypothesis takes the first.
_TOOLS = (4, 3)


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
    function.__code__ = _monitored(before, seen) if sys.version_info >= (3, 12) else _prefixed(before, seen)

    def end() -> None:
        _SEEN.pop(id(function.__code__), None)
        function.__code__ = before
        if sys.version_info >= (3, 12) and not _SEEN:
            _let_go()

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


def _monitored(before: CodeType, seen: Seen) -> CodeType:
    """A copy of the code, of whose calls the interpreter tells; those who watch the code itself are told as well."""
    monitoring = sys.monitoring  # type: ignore[attr-defined,unused-ignore]
    event = monitoring.events.PY_START
    mine = [tool for tool in _TOOLS if monitoring.get_tool(tool) == __name__]
    free = [tool for tool in _TOOLS if monitoring.get_tool(tool) is None]
    if not mine:
        monitoring.use_tool_id(free[0], __name__)
        monitoring.register_callback(free[0], event, _started)
    code, outer = before.replace(), _SEEN.get(id(before))
    _SEEN[id(code)] = seen if outer is None else partial(_each, (outer, seen))
    monitoring.set_local_events((mine or free)[0], code, event)
    return code


def _let_go() -> None:
    """Leaves the number of the tool to others."""
    monitoring = sys.monitoring  # type: ignore[attr-defined,unused-ignore]
    for tool in _TOOLS:
        if monitoring.get_tool(tool) == __name__:
            monitoring.register_callback(tool, monitoring.events.PY_START, None)
            monitoring.free_tool_id(tool)


def _each(watching: tuple[Seen, ...], frame: FrameType) -> None:
    for seen in watching:
        seen(frame)


def _started(code: CodeType, offset: int) -> None:
    seen = _SEEN.get(id(code))
    if seen is not None:
        seen(sys._getframe(1))
