"""Enables an external active balancer by the list of what has to be moved; off by default.

It goes by voltages itself, so it may run only where they tell the charge; and in between it
pauses, that all cells can be looked at. ms, mA.
"""

from micropython import const

from vigil.sample import CELLS
from vigil.thermal import Output

_RUN_MS = const(300000)
_PAUSE_MS = const(120000)
# Spread in 0.1 % of the capacity.
_BEGIN = const(10)
_END = const(3)
# Without new evidence no longer than the list can have taken; what it moves is not measured.
_UNSTATED_MA = const(1000)


class ActiveBalancer:
    """Board attributes: active_balancer (pin, high = on), active_balancer_ma (what it moves)."""

    def __init__(self, board, policy, balancer):
        self.output = Output(board.active_balancer)
        self._policy = policy
        self._balancer = balancer
        self._ma = getattr(board, "active_balancer_ma", _UNSTATED_MA)
        self._wanted = False
        self._looks = -1
        self._left_ms = 0
        self._last_ms = 0

    @property
    def on(self):
        return self.output.on

    def step(self, fault_free, now_ms):
        """Twice a second, before the cells are chosen that are bled."""
        policy = self._policy
        output = self.output
        elapsed_ms = (now_ms - self._last_ms) & 0x3FFFFFFF
        self._last_ms = now_ms
        if output.on:
            self._left_ms -= min(elapsed_ms, _RUN_MS)
        if not (fault_free and policy.known and self._balancer.may_bleed(policy.sample)):
            self.off(now_ms)
            return
        if policy.looks != self._looks:
            # New evidence. Hours of 1 mA: the largest charge to move, to be taken once.
            self._looks = policy.looks
            most_mas = max(policy.left_mas)
            self._left_ms = min(most_mas // self._ma, 86400) * 1000
        least = _END if self._wanted else _BEGIN
        self._wanted = policy.spread_permille >= least and self._left_ms > 0
        tells = not policy.knee or policy.sample.highest(CELLS) >= policy.start_mv
        if not (self._wanted and tells):
            self.off(now_ms)
            return
        if output.on:
            if output.for_ms(now_ms) >= _RUN_MS:
                self.off(now_ms)
        elif output.for_ms(now_ms) >= _PAUSE_MS:
            output.want(True, now_ms)
            policy.disturbed = True

    def off(self, now_ms):
        """At once; the voltages settle before they are believed again."""
        self.output.off(now_ms)
        policy = self._policy
        if policy.disturbed:
            policy.disturbed = False
            policy.unsettle()
