"""kernels.judge against the independent oracle, by properties."""

from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_rig import GROUPS, KernelRig

VALUES = st.one_of(st.none(), st.integers(-30, 30), st.integers(-(1 << 27), 1 << 27))
DELAYS = st.sampled_from([0, 1, 50, 63, 126, 500])


@st.composite
def rows(draw):
    made = []
    for row_id in range(1, draw(st.integers(1, 6)) + 1):
        direction = draw(st.sampled_from(["above", "below"]))
        trip = draw(st.integers(-20, 20))
        step = draw(st.integers(0, 10))
        made.append(
            {
                "row_id": row_id,
                "group": draw(st.sampled_from([group[0] for group in GROUPS])),
                "scalar": "highest" if direction == "above" else "lowest",
                "direction": direction,
                "trip": trip,
                "release": trip - step if direction == "above" else trip + step,
                "trip_delay_ms": draw(DELAYS),
                "release_delay_ms": draw(DELAYS),
                "action": draw(st.integers(0, 15)),
            }
        )
    return made


@st.composite
def cycles(draw):
    fresh = {}
    for name, _, count in GROUPS:
        if draw(st.booleans()):
            fresh[name] = draw(st.lists(VALUES, min_size=count, max_size=count))
    return draw(st.integers(1, 200)), fresh


@settings(max_examples=150, deadline=None)
@given(rows(), st.lists(cycles(), min_size=1, max_size=30))
def test_kernels_and_oracle_agree_on_every_cycle(table, history):
    rig = KernelRig(table)
    for elapsed_ms, fresh in history:
        rig.step(elapsed_ms, fresh)
