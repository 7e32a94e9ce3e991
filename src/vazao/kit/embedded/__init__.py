"""The embedded PostgreSQL: its cluster, configuration, processes, and the server they make."""
