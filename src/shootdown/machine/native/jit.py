"""LLVM IR to machine code in this process.

There are two ways. `quick` is for the first moments of a search, most of which end within them:
for 800 operations it takes 40 ms where the full way takes 170, and its code is a third slower.
Code that does not depend on the model takes the longest way, once, and is kept as an object file
(`cache`). Quickly made code is kept in memory for a while, since a process that checks many things
comes by the same program again; as an object file it takes an eighth of what its IR would.
"""

from __future__ import annotations

from functools import cache, lru_cache

import llvmlite
import llvmlite.binding as llvm

KEPT = 64
"""modules made quickly that are kept, of a quarter of a megabyte each"""


def describe_host() -> str:
    """What machine code made here depends on, besides its source."""
    versions = f"llvmlite {llvmlite.__version__}, LLVM {llvm.llvm_version_info}"
    target = llvm.get_process_triple()
    return f"{versions}, {target}, {llvm.get_host_cpu_name()}, {_features()}"


@cache
def _features() -> str:
    return str(llvm.get_host_cpu_features().flatten())


@cache
def _target() -> llvm.Target:
    """The host; LLVM is initialised on first use."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_default_triple()


def _make_target_machine(level: int) -> llvm.TargetMachine:
    return _target().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=_features(), opt=level, jit=True
    )


def _parse(ir: str, machine: llvm.TargetMachine) -> llvm.ModuleRef:
    module = llvm.parse_assembly(ir)
    module.triple = machine.triple
    module.data_layout = str(machine.target_data)
    return module


class MachineCode:
    """A compiled module. Its addresses are good for as long as this object lives."""

    def __init__(self, ir: str) -> None:
        machine = _make_target_machine(2)
        module = _parse(ir, machine)
        _optimise(module, machine, quick=False)
        self._engine = llvm.create_mcjit_compiler(module, machine)
        self._engine.finalize_object()

    def function(self, name: str) -> int:
        """The address of a function."""
        return int(self._engine.get_function_address(name))

    def variable(self, name: str) -> int:
        """The address of a global variable."""
        return int(self._engine.get_global_value_address(name))


class ObjectCode:
    """An object file, loaded. Its addresses are good for as long as this object lives."""

    def __init__(self, code: bytes) -> None:
        machine = _make_target_machine(2)
        self._engine = llvm.create_mcjit_compiler(_parse("", machine), machine)
        self._engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        self._engine.finalize_object()

    def function(self, name: str) -> int:
        """The address of a function."""
        return int(self._engine.get_function_address(name))


def make_object(ir: str) -> bytes:
    """The object file of a module, optimised as far as LLVM can."""
    machine = _make_target_machine(3)
    module = _parse(ir, machine)
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    return bytes(machine.emit_object(module))


def make_quick_object(ir: str) -> bytes:
    """The object file of a module, made quickly: for large code that takes little of the time."""
    machine = _make_target_machine(0)
    module = _parse(ir, machine)
    _optimise(module, machine, quick=True)
    return bytes(machine.emit_object(module))


@lru_cache(KEPT)
def quick_code(ir: str) -> ObjectCode:
    """The code of a module, made quickly now or earlier. Who asks for the same text shares it, so
    a module must have no variables."""
    return ObjectCode(make_quick_object(ir))


def _optimise(module: llvm.ModuleRef, machine: llvm.TargetMachine, quick: bool) -> None:
    passes = llvm.create_new_module_pass_manager()
    passes.add_sroa_pass()
    passes.add_simplify_cfg_pass()
    if not quick:
        passes.add_instruction_combine_pass()
        passes.add_simplify_cfg_pass()
    passes.run(module, llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options()))
