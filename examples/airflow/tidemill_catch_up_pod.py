"""An Airflow DAG: every hour, answer what has gathered on Kafka by then, in a pod of its own.

It takes the configuration from the config map `tidemill`, as deploy/kubernetes/ makes it, and needs
apache-airflow-providers-cncf-kubernetes. On a cluster without Airflow the CronJob there does the
same.
"""

from datetime import UTC, datetime, timedelta

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.sdk import dag
from kubernetes.client import models as k8s


@dag(
    schedule="0 * * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,  # what was due in hours past is still on Kafka, once
    max_active_runs=1,
    tags=["tidemill"],
)
def tidemill_catch_up_pod() -> None:
    """Catch up."""
    KubernetesPodOperator(
        task_id="catch_up",
        name="tidemill-catch-up",
        namespace="tidemill",
        image="tidemill:0.1.0",
        arguments=["run", "--until-caught-up", "--json", "--max-duration", "50m"],
        env_vars={"TIDEMILL_CONFIG": "/etc/tidemill/tidemill.toml"},
        volumes=[
            k8s.V1Volume(name="config", config_map=k8s.V1ConfigMapVolumeSource(name="tidemill"))
        ],
        volume_mounts=[
            k8s.V1VolumeMount(name="config", mount_path="/etc/tidemill", read_only=True)
        ],
        container_resources=k8s.V1ResourceRequirements(
            requests={"cpu": "1", "memory": "512Mi"}, limits={"memory": "1Gi"}
        ),
        automount_service_account_token=False,
        termination_grace_period=75,  # limits.drain, and 15 s to start and to leave
        # A try that was killed loses nothing: the next one finishes the rest.
        retries=2,
        retry_delay=timedelta(minutes=1),
        execution_timeout=timedelta(minutes=55),
    )


tidemill_catch_up_pod()
