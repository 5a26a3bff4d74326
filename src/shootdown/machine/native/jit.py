"""LLVM IR to machine code in this process.

The quick pipeline (SROA, then a little cleaning) and the second of four levels of code generation:
on models of some hundred operations everything more costs as much as it gives back in seconds of
search. `benchmarks/` has the measurement.
"""

from __future__ import annotations

from functools import cache

import llvmlite.binding as llvm

CODE_GENERATION_LEVEL = 1


@cache
def _target() -> llvm.Target:
    """The host; LLVM is initialised on first use."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_default_triple()


def _make_target_machine() -> llvm.TargetMachine:
    return _target().create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
        opt=CODE_GENERATION_LEVEL,
        jit=True,
    )


class MachineCode:
    """A compiled module. Its addresses are good for as long as this object lives."""

    def __init__(self, ir: str) -> None:
        machine = _make_target_machine()
        module = llvm.parse_assembly(ir)
        module.triple = machine.triple
        module.data_layout = str(machine.target_data)
        _optimise(module, machine)
        self._engine = llvm.create_mcjit_compiler(module, machine)
        self._engine.finalize_object()

    def function(self, name: str) -> int:
        """The address of a function."""
        return int(self._engine.get_function_address(name))

    def variable(self, name: str) -> int:
        """The address of a global variable."""
        return int(self._engine.get_global_value_address(name))


def _optimise(module: llvm.ModuleRef, machine: llvm.TargetMachine) -> None:
    passes = llvm.create_new_module_pass_manager()
    passes.add_sroa_pass()
    passes.add_simplify_cfg_pass()
    passes.add_instruction_combine_pass()
    passes.add_simplify_cfg_pass()
    passes.run(module, llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options()))
