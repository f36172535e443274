"""``make run``: the embedded servers, the web process, the workers and the simulator under one parent.

values.py     the effective settings of a run
processes.py  the commands of all processes, in one table
watching.py   start again what dies, after a pause that grows
vigil.py      replace what lives and does nothing
logs.py       the warnings among what they write
running.py    start everything in order, watch, stop everything in order
"""
