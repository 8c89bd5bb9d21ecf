"""Contact-center analytics: tables in, eight tasks, result tables out.

The rooms, from left to right (a module imports only what stands to its left)::

    errors, entry, settings, tables > metrics > store, importers, backends, methods
    > index > task > workspace > runs > tasks > cli
"""

__version__ = "0.1.0"
