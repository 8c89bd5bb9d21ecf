"""What language models are asked: texts only. Who is asked is `cxm.backends.chat`'s, when a task's."""
