"""Django's own backend for PostgreSQL, with one habit more; see base.py."""
