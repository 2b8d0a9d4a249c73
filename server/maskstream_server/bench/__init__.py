"""`maskstream bench video`, `store`, `overhead` and `model`: measured on this machine."""
