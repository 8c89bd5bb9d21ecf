"""The tasks, in the order in which later ones may read earlier ones' results.

A ninth task is one module here ending in `TASK = Task(...)`, its tables in `cxm.tables`, and one
line in `TASKS`. What a task is stands in `cxm.task`.
"""
