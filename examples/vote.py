"""Votes in a battle over gRPC, with the stubs that `make gen` writes. It needs no API key.

python examples/vote.py localhost:8080 a|b|tie|both_bad
"""

import sys
import time
from pathlib import Path

import grpc
from voicearena.auth.v1 import auth_service_pb2, auth_service_pb2_grpc
from voicearena.elo.v1 import battle_pb2, battle_service_pb2, battle_service_pb2_grpc

PATIENCE_SECONDS = 120
ANSWERS = ("a", "b", "tie", "both_bad")


def main(address: str, answer: str) -> None:
    """Gets a battle, saves its clips, waits as long as it takes to hear them, votes, and prints who spoke."""
    with grpc.insecure_channel(address) as channel:
        auth = auth_service_pb2_grpc.AuthServiceStub(channel)
        session = auth.CreateVoter(auth_service_pb2.CreateVoterRequest(), timeout=10)
        voter = (("authorization", f"Bearer {session.session_token}"),)
        battles = battle_service_pb2_grpc.BattleServiceStub(channel)
        battle = next_battle(battles, voter)
        print(f"{battle.scenario_name}: {battle.text}")
        for label, url in (("a", battle.clip_a_url), ("b", battle.clip_b_url)):
            request = battle_service_pb2.GetBattleClipRequest(name=url.rpartition("/")[2])
            chunks = battles.GetBattleClip(request, metadata=voter, timeout=30)
            Path(f"{label}.wav").write_bytes(b"".join(chunk.data for chunk in chunks))
        # A person would listen now.
        time.sleep(battle.clip_a_seconds + battle.clip_b_seconds)
        vote = battles.VoteInBattle(
            battle_service_pb2.VoteInBattleRequest(id=battle.battle_id, winner=battle_pb2.Battle.Winner.Value(answer)),
            metadata=voter,
            timeout=10,
        )
    for label, model, rating in (
        ("A", vote.clip_a_model, vote.clip_a_rating),
        ("B", vote.clip_b_model, vote.clip_b_rating),
    ):
        print(f"{label} was {model.name}: live Elo {rating.before:.0f} -> {rating.after:.0f}")
    print("the vote moves ratings" if vote.rated else f"the vote moves no ratings: {vote.unrated_reason}")


def next_battle(
    battles: battle_service_pb2_grpc.BattleServiceStub, voter: tuple[tuple[str, str], ...]
) -> battle_service_pb2.NextBattleResponse:
    """Returns the next battle, and waits while none is ready."""
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return battles.NextBattle(battle_service_pb2.NextBattleRequest(), metadata=voter, timeout=10)
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.UNAVAILABLE or time.monotonic() > give_up_at:
                raise
        time.sleep(1)


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[2] not in ANSWERS:
        sys.exit(f"usage: python examples/vote.py localhost:8080 {'|'.join(ANSWERS)}")
    try:
        main(sys.argv[1], sys.argv[2])
    except grpc.RpcError as error:
        sys.exit(f"{error.code().name}: {error.details()}")
