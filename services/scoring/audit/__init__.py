"""The metric audit: speech is changed in ways whose effect is known, and each metric has to move accordingly.

`perturbations` has the changes, `expectations` what each should do to each metric, and `judging` compares that with
what the pipeline measured. A metric that fails may not decide an experiment.
"""
