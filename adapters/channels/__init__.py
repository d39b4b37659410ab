"""How bytes travel: the one place where time-outs, TLS and limits are set."""
