"""The files that a video gives, each made from its lines of results, in bounded memory."""
