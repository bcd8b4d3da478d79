"""Computes the verdict of a stored experiment from its trials and its counted votes."""

from collections import Counter
from collections.abc import Sequence

from services.experiments.domain import Experiment, ModelSpec, Trial, TrialStatus, first_equal_prompts
from services.experiments.verdict import Judges, Model, Panel, TrialOutcome, Verdict, Vote, decide
from services.shared.listening.judging import CastVote, VoteState


def compute_verdict(experiment: Experiment, trials: Sequence[Trial], cast: Sequence[CastVote]) -> Verdict:
    """Returns the verdict over an experiment's ended trials and its votes."""
    return decide(
        [_model(model) for model in experiment.models],
        len(experiment.prompts),
        [_outcome(trial) for trial in trials],
        composite=experiment.composite,
        primary_metric=experiment.primary_metric,
        votes=counted(cast),
        panel=panel(cast),
        judges=Judges(experiment.eval_mode),
        same_as=first_equal_prompts(experiment.prompts),
    )


def _model(model: ModelSpec) -> Model:
    return Model(model.provider, model.voice_id, model.model_id)


def _outcome(trial: Trial) -> TrialOutcome:
    return TrialOutcome(
        model_index=trial.model_index,
        prompt_index=trial.prompt_index,
        repeat_index=trial.repeat_index,
        completed=trial.status is TrialStatus.COMPLETED,
        measurements=trial.measurements,
    )


def counted(votes: Sequence[CastVote]) -> list[Vote]:
    """Returns the votes that count, in the same order, with models instead of sides."""
    return [
        Vote(vote.listener_id, key.text_index, key.first, key.second, vote.preferred)
        for vote in votes
        if vote.counts and (key := vote.key)
    ]


def panel(votes: Sequence[CastVote]) -> Panel:
    """Returns what is known of the listeners who gave the votes.

    All counted votes of a listener count for each address from which they joined or voted, so changing the address does
    not split their votes.
    """
    counting = [vote for vote in votes if vote.counts]
    by_listener = Counter(vote.listener_id for vote in counting)
    seen = {(vote.listener_id, address) for vote in counting for address in vote.addresses}
    by_address: Counter[bytes] = Counter()
    for listener_id, address in seen:
        by_address[address] += by_listener[listener_id]
    return Panel(
        excluded=dict(Counter(str(vote.exclusion_reason) for vote in votes if not vote.counts)),
        supervised=sum(vote.supervised for vote in counting),
        unknown=sum(vote.state is VoteState.UNKNOWN for vote in counting),
        from_one_address=max(by_address.values(), default=0),
    )
