"""The running service: threads, processes, sockets, and the index that serves now."""
