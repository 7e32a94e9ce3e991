"""The relay agent: transmits lists of a remote PostgreSQL database to a hub.

It runs beside the database, knows nothing of the hub's inside, and imports nothing of ``vazao``;
:mod:`vazao_agent.wire` is the format that both speak.
"""

__version__ = "0.1.0"
