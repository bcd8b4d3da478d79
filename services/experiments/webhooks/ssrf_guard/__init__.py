"""The SSRF guard: keeps webhooks from being sent into private networks or to the mesh itself.

A URL is checked when a developer gives it (`check_url`). Each attempt checks the URL again, resolves its host name,
checks the addresses (`resolve_allowed`), and connects only to an address that was checked.
"""
