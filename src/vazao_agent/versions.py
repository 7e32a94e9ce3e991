"""Versions of the agent. Python 3.6 can read this file, as it must :mod:`vazao_agent.packed`."""


def newer(version: str, than: str) -> bool:
    """Whether a version of the agent comes after another one; what is none comes after nothing."""
    try:
        first, second = ([int(each) for each in text.split(".")] for text in (version, than))
    except ValueError:
        return False
    return first > second
