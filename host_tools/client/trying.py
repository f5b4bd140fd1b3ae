"""How often a request is made when no answer comes."""

from host_tools.client.errors import Garbage, Unanswered

TRIES = 5
PATIENT = 20  # where a BMS has answered before: one byte in two hundred wrong spoils every third
SHORT = 20  # registers that even a noisy line brings over
_TRIES_LONG = 2  # of more than that


def attempts(once, tries):
    """What once() returns. So many silences end it; damaged answers are borne somewhat longer,
    and told rather than the silences."""
    failure = None
    silences = 0
    for _ in range(3 * tries - 1 if tries > 1 else 1):
        try:
            return once()
        except Unanswered as error:
            if not isinstance(failure, Garbage):
                failure = error
            silences += not isinstance(error, Garbage)
            if silences >= tries:
                break
    raise failure


def tries_for(registers, tries):
    """A long answer that does not come over is soon asked for in pieces."""
    return tries if registers <= SHORT else min(tries, _TRIES_LONG)
