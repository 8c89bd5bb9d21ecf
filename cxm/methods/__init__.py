"""Algorithms on frames and arrays; they know no task, no file and no service.

A method that two tasks could share, or that makes a task module long, belongs here, in the module
of its subject. Reading tables and writing results belongs in `cxm.tasks`.
"""
