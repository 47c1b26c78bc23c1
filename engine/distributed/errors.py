"""What can go wrong between ranks. Imports nothing heavy, so that a worker without other ranks pays nothing for it."""

from engine.runs.errors import EndOfAttempt


class RankLost(EndOfAttempt):
    """A collective call did not come to its end; this process must leave, and its agent says why."""


EXIT_RANK_LOST = 75  # of a rank that left because another one was lost
EXIT_SPOKEN = 76  # of rank 0 when the log says how the attempt ended, and the others are still to be ended
