"""The experiments service: experiments, their trials, listening tests, verdicts and webhooks."""
