"""Where sessions' memories live between frames, connections and servers."""
