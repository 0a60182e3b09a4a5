"""An Airflow DAG: every hour, answer what has gathered on Kafka by then, and end.

`tidemill` runs on the machine of the Airflow worker; tidemill_catch_up_pod.py runs it in a pod.
Put this file into the DAG folder, and the path of your configuration into TIDEMILL_CONFIG. Written
for Airflow 3; docs/one-shot.md says what the exit codes and the fields of the summary mean.
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import dag, task

CATCH_UP = (
    "tidemill run --until-caught-up --json"
    " --max-duration 50m"  # the rest, if any, is for the next hour
    " --set http.port=0"  # beside a worker that has the usual port
)


@dag(
    schedule="0 * * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,  # what was due in hours past is still on Kafka, once
    max_active_runs=1,
    tags=["tidemill"],
)
def tidemill_catch_up() -> None:
    """Catch up, then look at what became of it."""
    catch_up = BashOperator(
        task_id="catch_up",
        bash_command=CATCH_UP,
        append_env=True,
        output_processor=json.loads,  # the last line of its output is the summary
        # A try that was killed loses nothing: the next one finishes the rest.
        retries=2,
        retry_delay=timedelta(minutes=1),
        # Beyond --max-duration and limits.drain, so that it ends by itself. For tasks that Airflow
        # ends, killed_task_cleanup_time must be above limits.drain.
        execution_timeout=timedelta(minutes=55),
    )

    @task
    def look(summary: dict[str, Any]) -> None:
        """Fail when more requests than usual were bad; print the rest for the task's log."""
        print(json.dumps(summary, indent=2))
        bad = sum(summary["errors"].values()) + summary["dead_letters"]
        if bad > 0.05 * summary["requests"]:
            raise ValueError(f"{bad} of {summary['requests']} requests got no result")

    look(catch_up.output)


tidemill_catch_up()
