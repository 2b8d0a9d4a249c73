"""What the routes of whole videos do, without HTTP."""
