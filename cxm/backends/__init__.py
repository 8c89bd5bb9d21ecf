"""The outside world behind Protocols: sentence encoders, and language models where one is set.

Each Protocol has a real adapter and an offline one. Prompts and tasks do not belong here.
"""
