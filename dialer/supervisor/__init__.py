"""``make run``: the embedded servers, the web process, the workers and the simulator under one parent.

installation.py  what STATE_DIR keeps: secrets, runtime.json
processes.py     the commands of all processes, in one table
children.py      one supervised process: start, watch, back off, stop
logs.py          their logs, and the warnings among them on the terminal
running.py       start everything in order, watch, stop everything in order
"""
