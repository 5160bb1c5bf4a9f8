"""A network of its own for one process, in which AWS's names lead to a Daypass server.

Linux namespaces, without a container engine: the process gets a network that reaches nothing, and
sockets on which it finds AWS; these are made inside and handed out to whoever answers on them.
The standard library alone, because functions' processes use it, too.
"""
