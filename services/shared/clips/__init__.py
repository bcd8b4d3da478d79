"""Clips: one text spoken by one voice, stored and evaluated, such as a trial of an experiment or a side of a battle.

A service that has clips is called their user. It keeps them in a table of its own schema. This folder asks tts for the
speech and scoring for the evaluation. It counts attempts, ignores late results, repeats requests, gives up after
MAX_ATTEMPTS, cancels and deletes. To use it:

1. Describe the table with `table.ClipTable` and the service with `table.ClipUser`. Create the columns in a migration.
2. Build `store.SqlClipStore`, `queue_store.SqlQueueStore`, `dispatching.Dispatcher` and `progress.Progress`. `Progress`
   takes a function (`table.OnEnd`) that it calls in the same transaction when a clip ends.
3. Consume the events of tts and scoring with `consumers.handlers`, and pass `consumers.dead_handler` to the bus.
4. To start clips, insert pending rows in a transaction. After the commit call `Dispatcher.release` with their
   providers. It chooses the clips whose turn it is and sends their requests.
5. Run `Dispatcher.release_all` and `Progress.reconcile` periodically. They recover from crashes and lost events.
6. To cancel or retry the clips of a run, lock the row of the run, call `ClipStore.cancel` or `ClipStore.retry` and send
   the messages of `facts.Requests` through the outbox, all in one transaction.

Run the suites `tests/contract/stores/test_clips.py` and `test_clips_of_a_user.py` against the new table.
"""
