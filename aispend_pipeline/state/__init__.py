"""Small facts that several processes share and that must survive them, in `state.sqlite` beside the warehouse."""
