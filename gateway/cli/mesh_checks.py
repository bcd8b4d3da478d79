"""Checks of the mesh, from its health and its status."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.cli.checks import Check, CheckOutcome, duration, failure_check
from gateway.cli.errors import CliError

if TYPE_CHECKING:
    from voicearena.mesh.v1.mesh_pb2 import ProcessStatus, ProviderStatus
    from voicearena.mesh.v1.mesh_service_pb2 import GetStatusResponse

# Events are normally published within a second. A relay that can't reach NATS retries for some seconds.
MAX_OUTBOX_SECONDS = 15.0
# One process handles this many in some seconds. The number itself is up to five seconds old.
MAX_EVENTS_WAITING = 1000
# An attempt takes at most 15 s. It begins within a second if no other delivery is before it.
MAX_WEBHOOK_SECONDS = 60.0
# Queues are normal. A wait of this length may surprise a user.
MAX_TRIAL_SECONDS = 300.0
# A failure this old, with no request since, says little about the provider's state now.
OLD_FAILURE_SECONDS = 3600.0

PROCESS = "process"
# GetHealth's words for a service of which no process answers.
SILENT = "does not answer"
# GetHealth's words for a service whose processes answer and report no fault.
UNKNOWN = "starting or stopping"
DATABASE = "database"
CATALOGUE = "catalogue"
# What to do about a fault of something that services share, and the name of the log to read.
ADVICE: Mapping[str, tuple[str, str]] = {
    DATABASE: ("Start PostgreSQL, or set DATABASE_URL to a running server.", "postgres"),
    "bus": ("Start NATS, or set NATS_URL to a running server.", "nats"),
    "audio store": ("Check that AUDIO_STORAGE_PATH is writable and has free space.", ""),
    CATALOGUE: ("The voices of tts fill the catalogue. Check the problems of tts first.", ""),
}
# Providers whose settings begin with their name. The settings of the others are in OPENAI_COMPATIBLE.
OWN_SETTINGS = {"espeak", "flite", "cartesia", "elevenlabs", "smallestai", "deepgram", "openai"}
PROVIDER_ADVICE = {
    "credentials_rejected": "Check its API key: {api_key}.",
    "quota_exceeded": "The quota of its account is used up. Raise it, or use another API key.",
    "rate_limited": "Lower {concurrency} to what the account's plan allows.",
    "timed_out": "It is slow or can't be reached. Check its status page and the network connection of tts.",
    "provider_unavailable": "It is down or can't be reached. Check its status page and the network connection of tts.",
    "bad_audio": "Its responses are not audio. Check {base_url} and {model}.",
}


class Logs:
    """The folder with the logs of a mesh on this machine. None if the mesh runs elsewhere."""

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory

    def of(self, name: str) -> str:
        """Returns a sentence that says where to find the log of a process."""
        if self._directory is None:
            return f"See the log of {name}."
        return f"See {self._directory / f'{name}.log'}."


def fault_checks(faults: Mapping[str, Mapping[str, str]], logs: Logs) -> Iterator[Check]:
    """Yields what keeps services from serving. `faults` has the reason of each fault, by service and name of the fault.
    A reason can be empty.

    A fault that several services share is one finding.
    """
    names = dict.fromkeys(name for found in faults.values() for name in found)
    for name in names:
        blamed = {service: found[name] for service, found in faults.items() if name in found}
        if name == PROCESS:
            for service, reason in blamed.items():
                yield Check(service, CheckOutcome.PROBLEM, reason, f"Start it again. {logs.of(service)}")
            continue
        if name == CATALOGUE and any(DATABASE in faults[service] for service in blamed):
            continue  # The database is the cause.
        reasons = " and ".join(dict.fromkeys(filter(None, blamed.values())))
        detail = f"{_listed(blamed)} can't use it" if name in ADVICE else f"fails in {_listed(blamed)}"
        advice, log = ADVICE.get(name, ("", next(iter(blamed))))
        yield Check(
            name,
            CheckOutcome.PROBLEM,
            f"{detail}: {reasons}" if reasons else detail,
            " ".join(filter(None, (advice, logs.of(log) if log else ""))),
        )


def health_checks(error: CliError, logs: Logs) -> Iterator[Check]:
    """Yields the findings from the error of GetHealth, which needs no API key."""
    if "service" in error.metadata:  # The gateway could not reach auth.
        yield Check("services", CheckOutcome.PROBLEM, error.message, logs.of(error.metadata["service"]))
    elif error.metadata:
        faults: dict[str, dict[str, str]] = {}
        for service, state in sorted(error.metadata.items()):
            if state == UNKNOWN:
                yield starting_check(service)
            else:
                silent = {PROCESS: "does not answer"}
                faults[service] = silent if state == SILENT else dict.fromkeys(state.split(", "), "")
        yield from fault_checks(faults, logs)
    else:
        yield failure_check("services", error)


def status_checks(status: GetStatusResponse, own_version: str, logs: Logs) -> Iterator[Check]:
    """Yields all findings from the status of the mesh."""
    for service in status.services:
        if not service.serving and not any(process.faults for process in service.processes):
            yield starting_check(service.name)
    yield from fault_checks(_faults(status), logs)
    if all(process.serving for service in status.services for process in service.processes):
        more = sum(len(service.processes) for service in status.services) - len(status.services)
        detail = "every service is serving" + (f", with {more} more process{'es' if more > 1 else ''}" if more else "")
        yield Check("services", CheckOutcome.OK, detail)
    yield from version_checks(status, own_version)
    for service in status.services:
        yield from _work_checks(service.name, list(service.processes), logs)


def starting_check(service: str) -> Check:
    """Returns the finding for a service that does not serve and has no fault."""
    return Check(service, CheckOutcome.PROBLEM, "is starting or stopping", "Run `arena doctor` again in a few seconds.")


def silent_services(status: GetStatusResponse) -> set[str]:
    """Returns the services of which no process answers. Calls to them would only time out."""
    return {
        service.name
        for service in status.services
        if all(any(fault.name == PROCESS for fault in process.faults) for process in service.processes)
    }


def version_checks(status: GetStatusResponse, own_version: str) -> Iterator[Check]:
    """Checks that all services run the same version."""
    found: dict[str, list[str]] = {}
    for service in status.services:
        for version in sorted({process.version for process in service.processes if process.version}):
            found.setdefault(version, []).append(service.name)
    if len(found) > 1:
        detail = "; ".join(f"{_listed(services)} run {version}" for version, services in found.items())
        yield Check(
            "versions", CheckOutcome.PROBLEM, detail, "Restart the older ones, so that all run the same version."
        )
    elif found and own_version and own_version not in found:
        detail = f"the mesh runs {next(iter(found))}, and this command is version {own_version}"
        yield Check("versions", CheckOutcome.NOTE, detail)
    elif found:
        yield Check("versions", CheckOutcome.OK, f"all run {next(iter(found))}")


def _work_checks(service: str, processes: list[ProcessStatus], logs: Logs) -> Iterator[Check]:
    """Yields the findings about work that a service can't keep up with."""
    outbox = max((process.outbox_age_seconds for process in processes), default=0.0)
    if outbox > MAX_OUTBOX_SECONDS:
        detail = f"the oldest event of {service} has waited {duration(outbox)} to be published"
        advice = f"Events are published as soon as NATS accepts them. {logs.of(service)}"
        yield Check("outbox", CheckOutcome.PROBLEM, detail, advice)
    waiting: dict[str, int] = {}
    for process in processes:
        for stream in process.streams:
            waiting[stream.stream] = max(waiting.get(stream.stream, 0), stream.waiting)
    for name, count in waiting.items():
        if count > MAX_EVENTS_WAITING:
            detail = f"{count:,} events of {name} wait for {service}"
            yield Check("events", CheckOutcome.PROBLEM, detail, f"Run more processes of {service}. {logs.of(service)}")
    dead = sum(process.dead_letters for process in processes)
    if dead:
        detail = f"{service} has given up {dead:,} event{'' if dead == 1 else 's'} since it started"
        advice = f"The log has a line `an event was given up` with the reason of each. {logs.of(service)}"
        yield Check("dead letters", CheckOutcome.PROBLEM, detail, advice)
    webhook = max((process.oldest_webhook_seconds for process in processes), default=0.0)
    if webhook > MAX_WEBHOOK_SECONDS:
        detail = f"a delivery has been due for {duration(webhook)}"
        yield Check("webhooks", CheckOutcome.PROBLEM, detail, f"A receiver may be slow to answer. {logs.of(service)}")
    yield from _trial_checks(processes)
    yield from _provider_checks(processes)


def _trial_checks(processes: list[ProcessStatus]) -> Iterator[Check]:
    # Each process reports the trials of the whole mesh.
    seen = {trials.provider: trials for process in processes for trials in process.trials}
    for provider, trials in seen.items():
        if trials.longest_wait_seconds > MAX_TRIAL_SECONDS:
            detail = f"{trials.pending:,} wait for {provider}, the oldest for {duration(trials.longest_wait_seconds)}"
            advice = f"{_settings(provider)['concurrency']} is the number of requests that it gets at a time."
            yield Check("trials", CheckOutcome.NOTE, detail, advice)


def _provider_checks(processes: list[ProcessStatus]) -> Iterator[Check]:
    failing: dict[str, ProviderStatus] = {}
    left_out: dict[str, str] = {}
    for process in processes:
        for provider in process.providers:
            if provider.voices_left_out:
                left_out[provider.id] = provider.voices_left_out
            known = failing.get(provider.id)
            if provider.failing and (known is None or provider.last_error_seconds < known.last_error_seconds):
                failing[provider.id] = provider
    for provider in failing.values():
        old = provider.last_error_seconds > OLD_FAILURE_SECONDS
        detail = f"its last request failed {duration(provider.last_error_seconds)} ago: {provider.last_error_kind}"
        advice = PROVIDER_ADVICE.get(provider.last_error_kind, "").format(**_settings(provider.id))
        yield Check(f"provider {provider.id}", CheckOutcome.NOTE if old else CheckOutcome.PROBLEM, detail, advice)
    for provider_id, reasons in left_out.items():
        advice = "The other voices can be used. Only the provider can correct its list of voices."
        yield Check(f"voices of {provider_id}", CheckOutcome.NOTE, f"left out of its list: {reasons}", advice)


def _faults(status: GetStatusResponse) -> Mapping[str, Mapping[str, str]]:
    faults: dict[str, dict[str, str]] = {}
    for service in status.services:
        silent = sum(any(fault.name == PROCESS for fault in process.faults) for process in service.processes)
        for process in service.processes:
            for fault in process.faults:
                some = fault.name == PROCESS and len(service.processes) > 1
                reason = f"{silent} of {len(service.processes)} processes: {fault.reason}" if some else fault.reason
                faults.setdefault(service.name, {}).setdefault(fault.name, reason)
    return faults


def _settings(provider: str) -> Mapping[str, str]:
    """Returns the names of a provider's settings."""
    own = provider in OWN_SETTINGS
    names = {"api_key": "api_key", "base_url": "base_url", "model": "model", "concurrency": "max_concurrency"}
    return {
        name: f"{provider}_{name}".upper() if own else f"{of_server} in OPENAI_COMPATIBLE"
        for name, of_server in names.items()
    }


def _listed(names: Collection[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last
