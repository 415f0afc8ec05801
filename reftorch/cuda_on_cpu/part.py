"""Functions that are compiled only as a part of another function: their code is optimized and loaded together with that function.

A kernel is compiled together with the loop over its threads, and is never called alone. Optimizing it alone, too, would take half of the
time of compiling, for nothing.
"""

from __future__ import annotations

from typing import Any

import llvmlite.binding as llvm
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import AnalysisPass, register_pass
from numba.core.typed_passes import AnnotateTypes

ENVIRONMENT = "_ZN08NumbaEnv"  # begins the name of a global variable, which Numba sets when a function is compiled


class Draft(JITCodeLibrary):
    """Code that is only linked into other code."""

    def _optimize_functions(self, ll_module: Any) -> None:
        ll_module.data_layout = self._codegen._data_layout

    def _optimize_final_module(self) -> None:
        pass

    def _finalize_final_module(self) -> None:
        """Only the variables that Numba sets are put into memory."""
        self._finalize_dynamic_globals()
        names = [each.name for each in self._final_module.global_variables if each.name.startswith(ENVIRONMENT)]
        lines = "\n".join(f'@"{name}" = common global i64 0' for name in names)
        variables = llvm.parse_assembly(f'target triple = "{self._final_module.triple}"\n{lines}\n')
        variables.data_layout = self._codegen._data_layout
        self._codegen._add_module(variables)
        self._codegen._engine.finalize_object()
        self._finalized = True


@register_pass(mutates_CFG=False, analysis_only=True)
class AsDraft(AnalysisPass):
    """Before the code is generated: it becomes a draft."""

    _name = "as_draft"

    def __init__(self) -> None:
        AnalysisPass.__init__(self)

    def run_pass(self, state: Any) -> bool:
        codegen = state.targetctx.codegen()
        state.library = Draft(codegen, state.func_id.func_qualname)
        state.flags.no_cpython_wrapper = state.flags.no_cfunc_wrapper = True
        return True


class Part(CompilerBase):
    """Numba's usual steps, for `njit(pipeline_class=Part)`."""

    def define_pipelines(self) -> list:
        """The steps."""
        steps = DefaultPassBuilder.define_nopython_pipeline(self.state)
        steps.add_pass_after(AsDraft, AnnotateTypes)
        steps.finalize()
        return [steps]
