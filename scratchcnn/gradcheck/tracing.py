"""Which lines Hypothesis sees: the caller's and not the harness's.

After a failure Hypothesis traces every line of a test, to say which were run by the failing examples alone. Of the
harness that would be the lines that make a report. Tracing also makes it many times slower while an example shrinks.
So the tracer is paused within the harness, and sees the first call of each function of the caller's. Debuggers and
tools that measure coverage are left alone.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, ParamSpec, TypeVar

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

# Hypothesis's module that traces, and the name under which it does so where Python has `sys.monitoring`.
TRACER = "hypothesis.internal.scrutineer"
MONITOR = "scrutineer"
# How many tools `sys.monitoring` has room for.
TOOLS = 6

# Turns the tracer on or off. None where it is not paused.
_switch: ContextVar[Callable[[bool], None] | None] = ContextVar("switch", default=None)


def untraced(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """The same function, whose lines and those of what it calls Hypothesis does not see."""

    @wraps(function)
    def paused(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        __tracebackhide__ = True
        if _switch.get() is not None or (switch := _found()) is None:
            return function(*args, **kwargs)
        with _switched(switch):
            return function(*args, **kwargs)

    return paused


def traced(function: Callable[..., Any], *arguments: Any) -> Any:
    """Calls a function of the caller's, whose lines Hypothesis sees."""
    __tracebackhide__ = True
    switch = _switch.get()
    if switch is None:
        return function(*arguments)
    switch(True)
    try:
        return function(*arguments)
    finally:
        switch(False)


@contextmanager
def _switched(switch: Callable[[bool], None]) -> Iterator[None]:
    """A block in which the tracer is off."""
    token = _switch.set(switch)
    switch(False)
    try:
        yield
    finally:
        switch(True)
        _switch.reset(token)


def _found() -> Callable[[bool], None] | None:
    """What turns Hypothesis's tracer on and off; None where it does not run."""
    trace = sys.gettrace()
    if trace is not None:
        return (lambda on: sys.settrace(trace if on else None)) if _is_hypothesis(trace) else None
    monitoring: Any = getattr(sys, "monitoring", None)  # from Python 3.12 on
    if monitoring is None:
        return None
    for tool in range(TOOLS):
        if monitoring.get_tool(tool) == MONITOR:
            events = monitoring.get_events(tool)
            return lambda on: monitoring.set_events(tool, events if on else 0)
    return None


def _is_hypothesis(trace: Any) -> bool:
    return getattr(trace, "__module__", "") == TRACER
