"""The outside world behind Protocols: sentence encoders now, chat models when a task needs one.

Each Protocol has a real adapter and an offline one. Prompts and tasks do not belong here.
"""
