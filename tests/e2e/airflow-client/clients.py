"""Airflow's own SparkSubmitHook and SparkSubmitOperator, and Spark's SparkLauncher, with native-submit as their spark-submit.

On the control plane of tests/e2e/up; there is no node, so a thread here writes what a kubelet would. tests/e2e/airflow runs it.
"""

import json
import logging
import os
import pathlib
import subprocess
import threading
import time
import unittest
from unittest import mock

import kubernetes
from airflow.providers.apache.spark.hooks import spark_submit as hooks
from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.providers.common.compat.sdk import AirflowException

PATIENCE = 120
EXIT_CODE = "e2e/exit-code"
DRIVER = "spark-kubernetes-driver"
kubernetes.config.load_kube_config(os.environ["KUBECONFIG"])
API = kubernetes.client.CoreV1Api()
SERVER = API.api_client.configuration.host


class Kubelet(threading.Thread):
    """Starts each driver, and ends it with the code that its annotation has; one without runs on."""

    def __init__(self, namespace):
        super().__init__(daemon=True)
        self.namespace = namespace
        self.done = False

    def run(self):
        while not self.done:
            for pod in API.list_namespaced_pod(self.namespace, label_selector="spark-role=driver").items:
                self.serve(pod)
            time.sleep(0.05)

    def serve(self, pod):
        code = (pod.metadata.annotations or {}).get(EXIT_CODE)
        if pod.status.phase == "Pending":
            self.write(pod, {"phase": "Running"})
        elif pod.status.phase == "Running" and code is not None:
            state = {"terminated": {"exitCode": int(code), "reason": "Completed" if code == "0" else "Error"}}
            status = {"name": DRIVER, "image": "i", "imageID": "", "ready": False, "restartCount": 0, "state": state}
            self.write(pod, {"phase": "Succeeded" if code == "0" else "Failed", "containerStatuses": [status]})

    def write(self, pod, status):
        # It may be deleted by now.
        try:
            API.patch_namespaced_pod_status(pod.metadata.name, self.namespace, {"status": status})
        except kubernetes.client.ApiException as error:
            if error.status != 404:
                raise


class Clients(unittest.TestCase):
    # Each class has a new one, unless it names its own.
    namespace = None

    @classmethod
    def setUpClass(cls):
        logging.getLogger().setLevel(logging.WARNING)
        cls.namespace = cls.namespace or f"airflow-{cls.__name__.lower()}-{int(time.time())}"
        for body, make in (
            ({"metadata": {"name": cls.namespace}}, API.create_namespace),
            ({"metadata": {"name": "default"}}, lambda account: API.create_namespaced_service_account(cls.namespace, account)),
        ):
            try:
                make(body)
            except kubernetes.client.ApiException as error:
                if error.status != 409:
                    raise
        cls.kubelet = Kubelet(cls.namespace)
        cls.kubelet.start()
        # As Airflow's page on the connection has it.
        extra = {"deploy-mode": "cluster", "namespace": cls.namespace}
        os.environ["AIRFLOW_CONN_SPARK_K8S"] = json.dumps({"conn_type": "spark", "host": f"k8s://{SERVER}", "extra": extra})

    @classmethod
    def tearDownClass(cls):
        cls.kubelet.done = True
        cls.kubelet.join()
        API.delete_namespace(cls.namespace)

    def conf(self, code):
        """Of a driver that ends with this code; with `None` it runs on."""
        conf = {"spark.kubernetes.container.image": "spark:x"}
        return conf if code is None else {**conf, f"spark.kubernetes.driver.annotation.{EXIT_CODE}": str(code)}

    def hook(self, code, **more):
        return hooks.SparkSubmitHook(conf=self.conf(code), conn_id="spark_k8s", java_class="a.B", name="my app", **more)

    def operator(self, code, **more):
        return SparkSubmitOperator(task_id="t", application="local:///a.jar", conf=self.conf(code), conn_id="spark_k8s", java_class="a.B",
                                   name="my app", **more)

    def pod(self, name):
        try:
            return API.read_namespaced_pod(name, self.namespace)
        except kubernetes.client.ApiException as error:
            if error.status == 404:
                return None
            raise

    def until(self, condition):
        end = time.monotonic() + PATIENCE
        while not condition():
            self.assertLess(time.monotonic(), end)
            time.sleep(0.05)

    def quickly(self):
        """Without the 20 s that Airflow lets pass between two looks."""
        return mock.patch.object(hooks, "time", mock.Mock(wraps=time, sleep=lambda _: time.sleep(0.2)))


class Hook(Clients):
    def test_it_waits_and_finds_pod_application_and_code(self):
        hook = self.hook(0)
        hook.submit("local:///a.jar")
        pod = self.pod(hook._kubernetes_driver_pod)
        self.assertEqual(pod.status.phase, "Succeeded")
        self.assertEqual(hook._kubernetes_application_id, pod.metadata.labels["spark-app-selector"])
        self.assertEqual(hook._spark_exit_code, 0)

    def test_a_drivers_failure_is_the_tasks(self):
        hook = self.hook(3)
        with self.assertRaisesRegex(AirflowException, "Kubernetes spark exit code is: 3"):
            hook.submit("local:///a.jar")

    def test_what_spark_submit_refuses_is_in_the_tasks_error(self):
        hook = self.hook(0, driver_memory="lots")
        with self.assertRaisesRegex(AirflowException, r"(?s)Error code is: 1.*spark\.driver\.memory: "):
            hook.submit("local:///a.jar")

    def test_a_killed_task_deletes_its_driver(self):
        hook = self.hook(None)
        failed = []

        def submit():
            try:
                hook.submit("local:///a.jar")
            except AirflowException as error:
                failed.append(error)

        task = threading.Thread(target=submit)
        task.start()
        self.until(lambda: hook._kubernetes_driver_pod)
        name = hook._kubernetes_driver_pod
        self.assertIsNotNone(self.pod(name))
        hook.on_kill()
        task.join(PATIENCE)
        self.assertFalse(task.is_alive())
        self.assertEqual(len(failed), 1)
        self.assertIsNotNone(hook._submit_sp.poll())
        self.until(lambda: self.pod(name) is None)


class Operator(Clients):
    def test_it_waits(self):
        self.operator(0).execute({})
        with self.assertRaises(AirflowException):
            self.operator(2).execute({})

    def test_airflow_follows_the_driver_by_itself(self):
        operator = self.operator(0, track_driver_via_k8s_api=True)
        with self.quickly():
            operator.execute({})
        name = operator._hook._kubernetes_driver_pod
        self.assertRegex(name, "^my-app-[0-9a-f]+-driver$")
        # spark-submit had ended long before, and the Pod is cleared away at the end.
        self.assertEqual(operator._hook._submit_sp.returncode, 0)
        self.until(lambda: self.pod(name) is None)

    def test_airflow_finds_the_failure_by_itself(self):
        with self.quickly(), self.assertRaisesRegex(RuntimeError, "phase=Failed exit_code=4"):
            self.operator(4, track_driver_via_k8s_api=True).execute({})

    def test_a_task_that_airflow_follows_by_itself_is_killed(self):
        operator = self.operator(None, track_driver_via_k8s_api=True)
        task = threading.Thread(target=lambda: operator.execute({}))
        with self.quickly():
            task.start()
            self.until(lambda: operator._hook is not None and operator._hook._kubernetes_driver_pod)
            name = operator._hook._kubernetes_driver_pod
            self.until(lambda: operator._hook._submit_sp.poll() is not None)
            operator.on_kill()
            task.join(PATIENCE)
        self.assertFalse(task.is_alive())
        self.until(lambda: self.pod(name) is None)


class OperatorInTheNamespaceOfAirflowsOwnExpression(Operator):
    """The one that Airflow's second expression, `submission ID spark:…`, has."""

    namespace = "spark"


class Launcher(Clients):
    """Spark's own, in cluster mode: it runs SPARK_HOME/bin/spark-submit, and follows the process."""

    def states(self, code, environment):
        command = ["java", "-cp", os.environ["LAUNCHER_CLASSES"], "Launch", f"k8s://{SERVER}", self.namespace, "" if code is None else str(code)]
        done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=PATIENCE, check=True)
        return done.stdout.split()

    def test_it_sees_the_process_end(self):
        # It is told nothing of the driver: the process ended, and how the application did is unknown.
        self.assertEqual(self.states(0, {})[-1], "LOST")
        self.assertEqual(self.states(3, {})[-1], "LOST")

    def test_it_sees_the_drivers_failure_where_the_code_is_the_drivers(self):
        self.assertEqual(self.states(3, {"NATIVE_SUBMIT_EXIT_CODE": "driver"})[-1], "FAILED")
        self.assertEqual(self.states(0, {"NATIVE_SUBMIT_EXIT_CODE": "driver"})[-1], "LOST")


del Clients

if __name__ == "__main__":
    assert pathlib.Path(os.environ["SPARK_HOME"], "bin/spark-submit").exists()
    unittest.main(verbosity=2)
