"""The estimates' pieces, whose floats stay in memory for good: nothing else is beside them; see
passes.py.

Runs inside the counting interpreter. Never upload to a board.
"""

from host_tools.bench import passes

notes = passes.notes
install = passes.install
CALLS = passes.CALLS


class Pieces(passes.Pieces):
    def give_tasks(self, board):
        from vigil.estimate.ageing import Ageing
        from vigil.estimate.allow import AllowedAhead
        from vigil.estimate.task import EstimateTask

        board.estimator = EstimateTask
        board.ageing = Ageing
        board.allowed = AllowedAhead
