"""Runs ARMv6-M code in unicorn and counts the cycles a Cortex-M0+ would take.

Cycles per instruction are those of Arm's Cortex-M0+ technical reference manual (DDI 0484, table
of instruction timing) with RP2040's single-cycle multiplier and memory without wait states.
"""

import dataclasses

CODE = 0x20000000
DATA = 0x20010000
STUBS = 0x20030000
_STACK_TOP = 0x2003FF00
_SIZE = 0x40000
_RETURN = STUBS + 0xF00
_LIMIT = 2_000_000

ALU = 1
LOAD_STORE = 2
MULTIPLE = 1  # and one for each register
POP_PC = 3  # and one for each register
BRANCH = 2
BRANCH_NOT_TAKEN = 1
BRANCH_LINK = 3
BRANCH_EXCHANGE = 2
SYSTEM = 3
_PC = 15


class MissingTool(RuntimeError):
    """A tool that the counting needs is not installed; the message says how to get it."""


@dataclasses.dataclass
class Run:
    """result: r0; cycles: of all code run but stubs; at_stub: cycles spent when each was met."""

    result: int
    cycles: int
    instructions: int
    at_stub: list


def cycles_of(low, high=0):
    """(cycles, cycles if not taken) of one instruction by its half words."""
    if low >> 11 == 0b11110 or low >> 11 == 0b11101 or low >> 11 == 0b11111:
        if low >> 11 == 0b11110 and high & 0xD000 == 0xD000:
            return BRANCH_LINK, BRANCH_LINK
        return SYSTEM, SYSTEM
    top = low >> 12
    if low >> 10 == 0b010001:
        kind = low >> 8 & 3
        if kind == 3:
            return BRANCH_EXCHANGE, BRANCH_EXCHANGE
        target = low & 7 | low >> 4 & 8
        # Adding or moving into the program counter is a branch; a compare never writes it.
        cost = BRANCH if kind != 1 and target == _PC else ALU
        return cost, cost
    if low >> 11 == 0b01001 or top in (5, 6, 7, 8, 9):
        return LOAD_STORE, LOAD_STORE
    if low >> 9 == 0b1011010:
        cost = MULTIPLE + bin(low & 0x1FF).count("1")
        return cost, cost
    if low >> 9 == 0b1011110:
        cost = (POP_PC if low & 0x100 else MULTIPLE) + bin(low & 0x1FF).count("1")
        return cost, cost
    if top == 0xC:
        cost = MULTIPLE + bin(low & 0xFF).count("1")
        return cost, cost
    if top == 0xD:
        return BRANCH, BRANCH_NOT_TAKEN
    if low >> 11 == 0b11100:
        return BRANCH, BRANCH
    return ALU, ALU


class Core:
    """256 KB of memory and one core; nothing persists in the registers between calls."""

    def __init__(self):
        try:
            import unicorn
            from unicorn import arm_const
        except ImportError as error:
            raise MissingTool("unicorn is missing: pip install -e '.[bench]'") from error
        self._uc = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS)
        self._registers = arm_const
        self._uc.mem_map(CODE, _SIZE)
        # A stub returns at once: what it would do costs nothing here and is modelled as glue.
        for at in range(STUBS, STUBS + 0x1000, 2):
            self._uc.mem_write(at, b"\x70\x47")
        self._uc.hook_add(unicorn.UC_HOOK_CODE, self._step)
        self._costs = {}

    def write(self, address, data):
        self._uc.mem_write(address, bytes(data))
        self._costs.clear()

    def write_data(self, address, data):
        """Like write, for what is never run."""
        self._uc.mem_write(address, bytes(data))

    def read(self, address, count):
        return bytes(self._uc.mem_read(address, count))

    def call(self, address, *arguments):
        uc, names = self._uc, self._registers
        stack = _STACK_TOP
        for word in reversed(arguments[4:]):
            stack -= 4
            uc.mem_write(stack, (word & 0xFFFFFFFF).to_bytes(4, "little"))
        for register, word in zip(
            (names.UC_ARM_REG_R0, names.UC_ARM_REG_R1, names.UC_ARM_REG_R2, names.UC_ARM_REG_R3),
            arguments,
            strict=False,
        ):
            uc.reg_write(register, word & 0xFFFFFFFF)
        uc.reg_write(names.UC_ARM_REG_SP, stack)
        uc.reg_write(names.UC_ARM_REG_LR, _RETURN | 1)
        self._cycles = self._instructions = 0
        self._pending = (0, 0)
        self._next = address
        self._at_stub = []
        uc.emu_start(address | 1, _RETURN, count=_LIMIT)
        self._cycles += self._pending[0]  # the last instruction was a return, taken
        result = uc.reg_read(names.UC_ARM_REG_R0)
        if uc.reg_read(names.UC_ARM_REG_PC) & -2 != _RETURN:
            raise RuntimeError("the code did not return")
        return Run(result, self._cycles, self._instructions, self._at_stub)

    def _step(self, uc, address, size, _):
        taken, passed = self._pending
        # What a conditional branch cost is known by where the next instruction lies.
        self._cycles += taken if address != self._next else passed
        self._next = address + size
        if STUBS <= address < STUBS + 0x1000:
            self._pending = (0, 0)
            self._at_stub.append((address, self._cycles))
            return
        cost = self._costs.get(address)
        if cost is None:
            raw = uc.mem_read(address, 4)
            low, high = raw[0] | raw[1] << 8, raw[2] | raw[3] << 8
            cost = self._costs[address] = cycles_of(low, high)
        self._pending = cost
        self._instructions += 1
