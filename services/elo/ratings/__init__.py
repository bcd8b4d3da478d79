"""Computes ratings from votes. Pure functions of values, with numpy and without a database.

There are two ratings, with different scales, which are never mixed:

- **Live Elo** (`live_elo`) is what a voter sees move. Each vote changes it at once. A tie is half a win.
- **The published rating** (`board`) is fitted to all votes of a board, with an interval and a rank. A difference is the
  odds of winning when there is a winner. It spreads more than live Elo, and the order is the same.

A published board is computed in this order: leave out votes that are excluded, leave out those of very active voters
(`under_cap`), then `publish`, and from its result `fragility`. `publish_evidence` does the middle part.
`control_delivery` stands beside the board.

| module | what it does |
|---|---|
| `votes` | votes as arrays of dense numbers, and their tables of ordered pairs |
| `live_elo`, `metric_vote` | live Elo with replay; how the metrics vote on a battle |
| `published_board` | the board of counted votes, for the service and for whoever verifies an export |
| `method`, `board` | the numbers of the method; the published board from votes: start here |
| `davidson` | the fit: Davidson's model with ties, a slot effect and several kinds of votes |
| `jackknife`, `clusters`, `student_t` | intervals clustered by voter and by scenario, and their degrees of freedom |
| `ranks` | sure differences after Holm, ranks, connected parts, the head-to-head matrix |
| `fragility` | how few missing votes would change who is first |
| `delivery` | ratings at equal duration, speaking rate and leading silence |
| `voter_cap`, `voter_agreement` | limits a voter's share; finds voters who vote unlike the others |
| `matchmaking` | draws the models and the scenario of the next battle |
| `correlations` | Spearman's correlations between metrics and votes |
"""

from services.elo.ratings.board import Board, Pairs, SlotEffect, publish
from services.elo.ratings.correlations import Correlation, correlations, spearman
from services.elo.ratings.delivery import DELIVERY_COVARIATES, DeliveryControl, contrast, control_delivery
from services.elo.ratings.fragility import Fragility, fragility
from services.elo.ratings.live_elo import LiveElo, LiveVote, Replay, expected_score
from services.elo.ratings.matchmaking import (
    Contenders,
    PairDraw,
    ScenarioDraw,
    draw_pair,
    draw_scenario,
)
from services.elo.ratings.method import DEFAULT_METHOD, METHOD_VERSION, Method
from services.elo.ratings.metric_vote import DEFAULT_METRIC_WEIGHTS, MetricVote, SideMetrics, metric_vote
from services.elo.ratings.published_board import BoardKind, Evidence, PublishedBoard, publish_evidence
from services.elo.ratings.ranks import (
    Connectivity,
    HeadToHead,
    count_outcomes,
    head_to_head,
)
from services.elo.ratings.voter_agreement import VoterTest, voter_test
from services.elo.ratings.voter_cap import under_cap
from services.elo.ratings.votes import Outcome, VoteKind, Votes, VotesByKind

__all__ = [
    "DEFAULT_METHOD",
    "DEFAULT_METRIC_WEIGHTS",
    "DELIVERY_COVARIATES",
    "METHOD_VERSION",
    "Board",
    "BoardKind",
    "Connectivity",
    "Contenders",
    "Correlation",
    "DeliveryControl",
    "Evidence",
    "Fragility",
    "HeadToHead",
    "LiveElo",
    "LiveVote",
    "Method",
    "MetricVote",
    "Outcome",
    "PairDraw",
    "Pairs",
    "PublishedBoard",
    "Replay",
    "ScenarioDraw",
    "SideMetrics",
    "SlotEffect",
    "VoteKind",
    "VoterTest",
    "Votes",
    "VotesByKind",
    "contrast",
    "control_delivery",
    "correlations",
    "count_outcomes",
    "draw_pair",
    "draw_scenario",
    "expected_score",
    "fragility",
    "head_to_head",
    "metric_vote",
    "publish",
    "publish_evidence",
    "spearman",
    "under_cap",
    "voter_test",
]
