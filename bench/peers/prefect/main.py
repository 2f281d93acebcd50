"""Prefect 3: a flow of tasks, whose states are kept by a server over SQLite and whose results are kept in files.

Settings: `prefect server start` as its documentation says, with its default database, SQLite in a file; results are persisted
(`persist_result=True`), without which a flow that is run again would run its tasks again. Fan-out by the default task runner,
`ThreadPoolTaskRunner`, with as many workers as the width: one flow submits its tasks, as its documentation does for many tasks. One by
one, tasks are called one after another in a flow. Usage: main.py, with PREFECT_API_URL
"""

import json
import os
import sys
import time

from prefect import flow, task
from prefect.task_runners import ThreadPoolTaskRunner


@task(persist_result=True)
def noop(x):
    return {"ok": True, "x": x}


@flow(persist_result=True)
def chain(steps):
    for x in range(steps):
        noop(x)


@flow(persist_result=True)
def fan_out(steps):
    for future in [noop.submit(x) for x in range(steps)]:
        future.result()


def perform(load):
    steps = load["workflows"] * load["steps"]
    if load["width"] == 1:
        chain(steps)
    else:
        fan_out.with_options(task_runner=ThreadPoolTaskRunner(max_workers=load["width"]))(steps)


out = os.fdopen(3, "w", buffering=1)
out.write('{"ready":true}\n')
for line in sys.stdin:
    begun = time.perf_counter()
    perform(json.loads(line))
    out.write(json.dumps({"seconds": time.perf_counter() - begun}) + "\n")
