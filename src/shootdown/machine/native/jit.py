"""LLVM IR to machine code in this process.

There are two ways. `quick` is for the first moments of a search, most of which end within them:
for 800 operations it takes 40 ms where the full way takes 170, and its code is a third slower.
"""

from __future__ import annotations

from functools import cache

import llvmlite.binding as llvm


@cache
def _target() -> llvm.Target:
    """The host; LLVM is initialised on first use."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_default_triple()


def _make_target_machine(quick: bool) -> llvm.TargetMachine:
    return _target().create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
        opt=0 if quick else 2,
        jit=True,
    )


class MachineCode:
    """A compiled module. Its addresses are good for as long as this object lives."""

    def __init__(self, ir: str, quick: bool = False) -> None:
        machine = _make_target_machine(quick)
        module = llvm.parse_assembly(ir)
        module.triple = machine.triple
        module.data_layout = str(machine.target_data)
        _optimise(module, machine, quick)
        self._engine = llvm.create_mcjit_compiler(module, machine)
        self._engine.finalize_object()

    def function(self, name: str) -> int:
        """The address of a function."""
        return int(self._engine.get_function_address(name))

    def variable(self, name: str) -> int:
        """The address of a global variable."""
        return int(self._engine.get_global_value_address(name))


def _optimise(module: llvm.ModuleRef, machine: llvm.TargetMachine, quick: bool) -> None:
    passes = llvm.create_new_module_pass_manager()
    passes.add_sroa_pass()
    passes.add_simplify_cfg_pass()
    if not quick:
        passes.add_instruction_combine_pass()
        passes.add_simplify_cfg_pass()
    passes.run(module, llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options()))
