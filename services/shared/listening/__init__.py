"""Blind comparisons: a listener hears two clips, does not know who speaks in which, and says which one is better.

To add listening tests to a service:

1. Implement `subject.Subject` for what the test is about, such as an experiment. Run the suite in
   `tests/contract/stores/subject_contract.py` against it.
2. Call `migration.create_listening_tables` in one migration of the service.
3. To start a test, lock the subject's row and call `store.ListeningStore.open` with the pairs, in one transaction.
   In the same way, `suspend` stops a test and `remove` deletes it. `forget_audio` goes with deleting the audio.
4. Call `comparing.Comparing` from the RPCs with which listeners join, ask for a pair and vote. `Comparing` opens its
   own transactions and calls the subject inside them.
5. Serve clips with `clips.Clips` and `clip_responses`. Register `access_log_servicer.AccessLog`, to which the gateway
   reports the bytes that it has sent. A vote is refused until both clips were sent completely.
6. Run `closing.Closing.overdue` every few seconds. It closes tests whose time is over. To close a test by hand, lock
   the subject and call `Closing.close` in the same transaction.

Read the votes with `vote_store.VoteStore`. Only votes with `CastVote.counts` are evidence; see `judging`. If a listener
hears several tests, give `Comparing` a `vote_judging.VoteJudging` with rules of your own, and judge votes again later.
"""
