"""`python -m ray_jobs`: the canonical start, which `ray job submit --working-dir .` also uses."""

from ray_jobs.cli import main

main()
