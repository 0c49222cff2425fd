"""Every command in the README and in docs/ is run, and everything that they name is there."""
