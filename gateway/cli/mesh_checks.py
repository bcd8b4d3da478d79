"""What is wrong with the mesh, by its own status."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.cli.checks import Check, Outcome, duration, failed
from gateway.cli.errors import CliError

if TYPE_CHECKING:
    from voicearena.mesh.v1.mesh_pb2 import ProcessStatus, ProviderStatus
    from voicearena.mesh.v1.mesh_service_pb2 import GetStatusResponse

# Events go out within a second, and a relay that waits for the bus tries for some seconds.
MAX_OUTBOX_SECONDS = 15.0
# Some seconds of work for one process; the figure itself is up to five seconds old.
MAX_EVENTS_WAITING = 1000
# An attempt takes 15 s at most and begins within a second where nothing stands before it.
MAX_WEBHOOK_SECONDS = 60.0
# A queue is what experiments are for; one that is this long may surprise who waits.
MAX_TRIAL_SECONDS = 300.0
# A failure that long ago, with nothing asked since, says little of today.
OLD_FAILURE_SECONDS = 3600.0

PROCESS = "process"
# What GetHealth says of a service of which no process answers.
SILENT = "does not answer"
# And of one whose processes answer, and lack nothing that they know of.
UNKNOWN = "starting or stopping"
DATABASE = "database"
CATALOGUE = "catalogue"
# Faults of what services share, with what to do and whose log says more.
ADVICE: Mapping[str, tuple[str, str]] = {
    DATABASE: ("Start PostgreSQL, or point DATABASE_URL to one that runs.", "postgres"),
    "bus": ("Start NATS, or point NATS_URL to one that runs.", "nats"),
    "audio store": ("Check that AUDIO_STORAGE_PATH can be written and has room.", ""),
    CATALOGUE: ("It is filled when tts has told its voices: see what tts lacks.", ""),
}
# Providers whose settings begin with their name; those of the others are in OPENAI_COMPATIBLE.
OWN_SETTINGS = {"espeak", "flite", "cartesia", "elevenlabs", "smallestai", "deepgram", "openai"}
PROVIDER_ADVICE = {
    "credentials_rejected": "Check its key: {api_key}.",
    "quota_exceeded": "Its account has nothing left: top it up, or use another key.",
    "rate_limited": "Lower {concurrency} to what the account's plan allows.",
    "timed_out": "It is slow or can't be reached: see its status page, and the network of tts.",
    "provider_unavailable": "It is down or can't be reached: see its status page, and the network of tts.",
    "bad_audio": "It answers with what is no audio: check {base_url} and {model}.",
}


class Logs:
    """Where the logs of a mesh on this machine lie, if this is one."""

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory

    def of(self, name: str) -> str:
        """Says in a sentence where to read on."""
        if self._directory is None:
            return f"The log of {name} says more."
        return f"See {self._directory / f'{name}.log'}."


def fault_checks(faults: Mapping[str, Mapping[str, str]], logs: Logs) -> Iterator[Check]:
    """What keeps services from serving. `faults` are by service, each with its reasons by name, which may be empty.

    What several services lack is one finding.
    """
    names = dict.fromkeys(name for found in faults.values() for name in found)
    for name in names:
        blamed = {service: found[name] for service, found in faults.items() if name in found}
        if name == PROCESS:
            for service, reason in blamed.items():
                yield Check(service, Outcome.PROBLEM, reason, f"Start it again. {logs.of(service)}")
            continue
        if name == CATALOGUE and any(DATABASE in faults[service] for service in blamed):
            continue  # that is why
        reasons = " and ".join(dict.fromkeys(filter(None, blamed.values())))
        detail = f"{_listed(blamed)} can't use it" if name in ADVICE else f"fails in {_listed(blamed)}"
        advice, log = ADVICE.get(name, ("", next(iter(blamed))))
        yield Check(
            name,
            Outcome.PROBLEM,
            f"{detail}: {reasons}" if reasons else detail,
            " ".join(filter(None, (advice, logs.of(log) if log else ""))),
        )


def health_checks(error: CliError, logs: Logs) -> Iterator[Check]:
    """What the refusal of GetHealth tells, to whoever has no key or none that can be looked up."""
    if "service" in error.metadata:  # the gateway's own words, for want of somebody to ask
        yield Check("services", Outcome.PROBLEM, error.message, logs.of(error.metadata["service"]))
    elif error.metadata:
        faults: dict[str, dict[str, str]] = {}
        for service, said in sorted(error.metadata.items()):
            if said == UNKNOWN:
                yield starting_check(service)
            else:
                silent = {PROCESS: "it does not answer"}
                faults[service] = silent if said == SILENT else dict.fromkeys(said.split(", "), "")
        yield from fault_checks(faults, logs)
    else:
        yield failed("services", error)


def status_checks(status: GetStatusResponse, own_version: str, logs: Logs) -> Iterator[Check]:
    """All that the status of the mesh tells."""
    for service in status.services:
        if not service.serving and not any(process.faults for process in service.processes):
            yield starting_check(service.name)
    yield from fault_checks(_faults(status), logs)
    if all(process.serving for service in status.services for process in service.processes):
        more = sum(len(service.processes) for service in status.services) - len(status.services)
        detail = "every service is serving" + (f", with {more} more process{'es' if more > 1 else ''}" if more else "")
        yield Check("services", Outcome.OK, detail)
    yield from version_checks(status, own_version)
    for service in status.services:
        yield from _work_checks(service.name, list(service.processes), logs)


def starting_check(service: str) -> Check:
    """A service that does not serve and lacks nothing."""
    return Check(service, Outcome.PROBLEM, "is starting or stopping", "Ask again in some seconds.")


def silent_services(status: GetStatusResponse) -> set[str]:
    """Returns the services of which no process answers: what is asked of them would only be waited for."""
    return {
        service.name
        for service in status.services
        if all(any(fault.name == PROCESS for fault in process.faults) for process in service.processes)
    }


def version_checks(status: GetStatusResponse, own_version: str) -> Iterator[Check]:
    """Whether all run the same code."""
    found: dict[str, list[str]] = {}
    for service in status.services:
        for version in sorted({process.version for process in service.processes if process.version}):
            found.setdefault(version, []).append(service.name)
    if len(found) > 1:
        detail = "; ".join(f"{_listed(services)} run {version}" for version, services in found.items())
        yield Check("versions", Outcome.PROBLEM, detail, "Restart what is older, so that all run the same code.")
    elif found and own_version and own_version not in found:
        detail = f"the mesh runs {next(iter(found))}, this command is of {own_version}"
        yield Check("versions", Outcome.NOTE, detail)
    elif found:
        yield Check("versions", Outcome.OK, f"all run {next(iter(found))}")


def _work_checks(service: str, processes: list[ProcessStatus], logs: Logs) -> Iterator[Check]:
    """Whether a service keeps up."""
    outbox = max((process.outbox_age_seconds for process in processes), default=0.0)
    if outbox > MAX_OUTBOX_SECONDS:
        detail = f"the oldest event of {service} has waited {duration(outbox)} to be published"
        yield Check("outbox", Outcome.PROBLEM, detail, f"It goes out once the bus takes it. {logs.of(service)}")
    waiting: dict[str, int] = {}
    for process in processes:
        for stream in process.streams:
            waiting[stream.stream] = max(waiting.get(stream.stream, 0), stream.waiting)
    for name, count in waiting.items():
        if count > MAX_EVENTS_WAITING:
            detail = f"{count:,} of {name} wait for {service}"
            yield Check("events", Outcome.PROBLEM, detail, f"Run more processes of {service}. {logs.of(service)}")
    dead = sum(process.dead_letters for process in processes)
    if dead:
        detail = f"{service} has given up {dead:,} event{'' if dead == 1 else 's'} since it started"
        advice = f"Each is logged as `an event was given up`, with why. {logs.of(service)}"
        yield Check("dead letters", Outcome.PROBLEM, detail, advice)
    webhook = max((process.oldest_webhook_seconds for process in processes), default=0.0)
    if webhook > MAX_WEBHOOK_SECONDS:
        detail = f"one has been due for {duration(webhook)}"
        yield Check("webhooks", Outcome.PROBLEM, detail, f"A receiver may be slow to answer. {logs.of(service)}")
    yield from _trial_checks(processes)
    yield from _provider_checks(processes)


def _trial_checks(processes: list[ProcessStatus]) -> Iterator[Check]:
    # Each process knows those of the whole mesh.
    seen = {trials.provider: trials for process in processes for trials in process.trials}
    for provider, trials in seen.items():
        if trials.longest_wait_seconds > MAX_TRIAL_SECONDS:
            detail = f"{trials.pending:,} wait for {provider}, the first for {duration(trials.longest_wait_seconds)}"
            advice = f"{_settings(provider)['concurrency']} is how many requests it is given at a time."
            yield Check("trials", Outcome.NOTE, detail, advice)


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
        yield Check(f"provider {provider.id}", Outcome.NOTE if old else Outcome.PROBLEM, detail, advice)
    for provider_id, said in left_out.items():
        advice = "The others can be used. What its list of voices says is for the provider to correct."
        yield Check(f"voices of {provider_id}", Outcome.NOTE, f"left out of its list: {said}", advice)


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
    """Returns what the settings of a provider are called."""
    own = provider in OWN_SETTINGS
    names = {"api_key": "api_key", "base_url": "base_url", "model": "model", "concurrency": "max_concurrency"}
    return {
        name: f"{provider}_{name}".upper() if own else f"{of_server} in OPENAI_COMPATIBLE"
        for name, of_server in names.items()
    }


def _listed(names: Collection[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last
