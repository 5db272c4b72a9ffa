"""Compiled functions that only others call: typed by themselves, but optimised and assembled once, in the caller.

Numba makes machine code of every function it meets, and for each optimises anew whatever that calls. In a tree of
calls ten deep the leaves are optimised ten times, and all but the last time for nobody. A part is left as LLVM has
got it from numba, until an entry point takes it in. That cuts the time to compile the packet loop to less than half.

This leans on the insides of numba, whose release the lock file pins; nothing else in the house does.
"""

# mypy: disallow-untyped-calls=False
# Numba's own functions have no types.

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import llvmlite.binding as llvm
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler
from numba.core.registry import CPUDispatcher

#: How all functions are compiled, parts or not.
OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}


class _Assembled:
    """What stands for the code generator of something that has no machine code: there is no place to set anything."""

    def set_env(self, name: str, environment: object) -> None:
        """Numba's environment is for functions that handle Python's objects, which a part never does."""


class _PartLibrary(JITCodeLibrary):
    """A function as LLVM's intermediate code, with all that it calls, to be linked into who calls it."""

    @property
    def codegen(self) -> Any:
        """See CodeLibrary."""
        return _Assembled()

    def finalize(self) -> None:
        """Nothing is added any more; what this costs numba's own libraries, the caller's pays for it once."""
        self._finalize_dynamic_globals()
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        """There is no machine code."""
        return 0

    def _get_module_for_linking(self) -> Any:
        """The function and all that it calls, each linked where it is needed and dropped elsewhere."""
        self._ensure_finalized()
        if self._shared_module is None:
            module = self._final_module
            for function in module.functions:
                if not function.is_declaration and function.linkage == llvm.Linkage.external:
                    function.linkage = "linkonce_odr"
            for library in dict.fromkeys(self._linking_libraries):
                self._reload_init.update(library._reload_init)
                module.link_in(library._get_module_for_linking(), preserve=True)
            self._shared_module = module
        return self._shared_module


class _PartCompiler(Compiler):
    """Numba's pipeline, ending in a library of ours."""

    def __init__(self, typingctx: Any, targetctx: Any, library: Any, *rest: Any) -> None:
        super().__init__(typingctx, targetctx, library or _PartLibrary(targetctx.codegen(), "part"), *rest)


class Part(CPUDispatcher):
    """A function for compiled callers. Called from Python (by tests) it is what `alone` makes of it: an entry point."""

    def __init__(self, function: Callable[..., Any], alone: Callable[[Callable[..., Any]], Any]) -> None:
        options = OPTIONS | {"nopython": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
        super().__init__(py_func=function, targetoptions=options, pipeline_class=_PartCompiler)
        self._make_alone = alone
        self._alone: Any = None

    def add_overload(self, result: Any) -> None:
        """Numba has compiled it for some types; Python has no way to that."""
        self.overloads[tuple(result.signature.args)] = result

    def __call__(self, *arguments: Any) -> Any:
        if self._alone is None:
            self._alone = self._make_alone(self.py_func)
        return self._alone(*arguments)
