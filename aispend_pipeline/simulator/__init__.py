"""Fake providers that speak the real shapes over loopback HTTP, for the demo and the tests."""
