"""What can go wrong between ranks. Imports nothing, so that a worker without other ranks pays nothing for it."""


class RankLost(Exception):  # noqa: N818 - nothing went wrong here: another rank ended or fell silent
    """A collective call did not come to its end; this process must leave, and its agent says why."""


EXIT_RANK_LOST = 75  # of a rank that left because another one was lost
EXIT_SPOKEN = 76  # of rank 0 when the log says how the attempt ended, and the others are still to be ended
