"""`maskstream doctor`: looks at everything that a server needs, before anybody needs it."""
