"""A wholly synthetic source of the shape of an e-SUS PEC reporting schema, and lists over it.

:func:`make` fills an empty database. Nothing in it is a person's: names are put together from
syllables that no name has, and every number fails its check digits. :func:`examples` are lists as
municipalities transmit them, ready to be published; their SQL is in the folder ``lists/``.
"""

from vazao.relay.synthetic.examples import Example, examples
from vazao.relay.synthetic.making import make

__all__ = ["Example", "examples", "make"]
