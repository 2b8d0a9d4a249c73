"""`maskstream doctor`: checks everything that a server needs, before it starts."""
