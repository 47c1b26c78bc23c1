"""View models: what the screens show, made from run states in the reader thread and never changed afterwards."""
