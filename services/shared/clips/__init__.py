"""Clips: one text spoken by one voice, stored and evaluated, such as a trial of an experiment or a side of a battle.

The user of this folder keeps its clips in a table of its own schema and describes that table (`table.ClipTable`). This
folder asks tts for the speech and scoring for the evaluation, counts attempts, ignores late answers, asks again, gives
up, cancels and deletes.
"""
