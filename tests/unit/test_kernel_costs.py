"""Kernels on an emulated Cortex-M0+: equal to C and to the CPython emulator, and fast enough."""

import copy

import pytest

from host_tools.bench import cortex_m0plus, figures, kernels, plain_judge, workloads
from host_tools.bench.mpy_file import MpyError, MpyFile
from host_tools.bench.on_arm import C, Viper
from vigil import kernels as emulated


@pytest.fixture(scope="module")
def viper():
    return Viper()


@pytest.fixture(scope="module")
def c():
    return C()


def outcome(call, arguments):
    own = [copy.copy(argument) for argument in arguments]
    result = call(*own)
    return result, [list(argument) for argument in own if not isinstance(argument, int)]


@pytest.mark.parametrize("seed", range(60))
def test_viper_and_c_and_the_emulator_do_the_same(viper, c, seed):
    for name, arguments in workloads.random_inputs(seed):
        on_board = outcome(lambda *own, name=name: viper.call(name, *own)[0], arguments)
        in_c = outcome(lambda *own, name=name: c.call(name, *own)[0], arguments)
        on_desk = outcome(getattr(emulated, name), arguments)
        assert on_board == on_desk
        if name == "crc8_unpack" and not on_board[0]:
            # What a refused buffer then holds is nobody's business.
            assert in_c[0] == 0
        else:
            assert in_c == on_board


@pytest.mark.parametrize("seed", range(60))
def test_the_protection_in_plain_python_is_the_same_algorithm(viper, seed):
    for name, arguments in workloads.random_inputs(seed):
        if name == "judge":
            on_board = outcome(lambda *own: viper.call("judge", *own)[0], arguments)
            assert outcome(plain_judge.judge, arguments) == on_board


def test_the_random_inputs_visit_every_outcome(viper):
    seen = 0
    for seed in range(60):
        for name, arguments in workloads.random_inputs(seed):
            if name == "judge":
                seen |= viper.call(name, *[copy.copy(argument) for argument in arguments])[0]
    assert seen & 48 == 48


def test_the_protection_of_a_healthy_pack_costs_at_most_4000_cycles(viper, c):
    cost, in_c = kernels.run(viper, workloads.healthy()), kernels.run(c, workloads.healthy())
    assert cost[0] == in_c[0] == 0
    assert cost[1].call <= 4000
    assert cost[1].body <= 2.8 * in_c[1].body


def test_the_dearest_protection_found_stays_within_its_bounds(viper, c):
    pair = kernels.protection(viper, c)["worst found"]
    assert pair["call_cycles"] <= 6500
    assert pair["viper_to_c"] <= 3.3


def test_check_codes_stay_near_c(viper, c):
    found = kernels.check_codes(viper, c)
    assert found["crc8"]["viper_to_c"] <= 2.2
    assert found["crc8_unpack"]["viper_to_c"] <= 2.2
    assert found["pec15"]["viper_to_c"] <= 3.3


def test_kernels_cost_what_figures_json_says():
    assert figures.worsened(kernels.measure(), figures.committed()) == []


def test_a_figure_that_worsened_by_more_than_3_percent_is_named():
    before = {"a": {"b": 1000, "c": 10}}
    assert figures.worsened({"a": {"b": 1030, "c": 9}}, before) == []
    assert figures.worsened({"a": {"b": 1031, "c": 10}}, before) == [
        "a / b: 1031 is more than 3 % above 1000"
    ]
    assert len(figures.worsened({"a": {"b": 1000, "d": 1}}, before)) == 2


@pytest.mark.parametrize(
    "halfwords, taken, passed",
    [
        ((0x1C40,), 1, 1),  # adds
        ((0x4348,), 1, 1),  # muls: RP2040 has the fast multiplier
        ((0x6801,), 2, 2),  # ldr r1, [r0]
        ((0xB5F0,), 6, 6),  # push {r4-r7, lr}
        ((0xBDF0,), 8, 8),  # pop {r4-r7, pc}
        ((0xC80E,), 4, 4),  # ldm r0!, {r1-r3}
        ((0xD001,), 2, 1),  # beq
        ((0xE7FE,), 2, 2),  # b
        ((0xF000, 0xF800), 3, 3),  # bl
        ((0x4770,), 2, 2),  # bx lr
        ((0x4798,), 2, 2),  # blx r3
        ((0x4687,), 2, 2),  # mov pc, r0
        ((0x4601,), 1, 1),  # mov r1, r0
        ((0xBF00,), 1, 1),  # nop
    ],
)
def test_instructions_cost_what_the_manual_says(halfwords, taken, passed):
    assert cortex_m0plus.cycles_of(*halfwords) == (taken, passed)


@pytest.mark.parametrize("data", [b"M\x05\x0e\x1f", b"X\x06\x0e\x1f", b"M\x06\x0d\x1f"])
def test_a_file_of_another_version_is_refused(data):
    with pytest.raises(MpyError):
        MpyFile(data)
