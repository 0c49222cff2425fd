"""The certificates that connections trust, read once a process."""

import os
import ssl
from functools import lru_cache

import httpx


def trusted(use: str) -> ssl.SSLContext:
    """What checks a server's certificate; one for each `use`, as each protocol offers its own name in it."""
    return _trusted(use, os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@lru_cache
def _trusted(use: str, cert_file: str | None, cert_dir: str | None) -> ssl.SSLContext:
    """Certificates from where the two say, or those that come with httpx."""
    return httpx.create_ssl_context()


@lru_cache
def unchecked() -> ssl.SSLContext:
    """TLS without a look at the certificate: for this machine itself, where plain text would do as well."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
