//! What is said about the command itself.

use super::FAILED;
use crate::cli::output::message;
use std::process::ExitCode;

/// How it is called, and what of it is whose.
pub(super) const TEXT: &str = "\
Example:
  spark-submit --master k8s://https://HOST:PORT --deploy-mode cluster --class MAIN \
    --conf spark.kubernetes.container.image=IMAGE local:///opt/app.jar

Usage: spark-submit [options] <main application file | spark-internal> [arguments]

native-submit in place of spark-submit: cluster mode on Kubernetes, without a JVM.

Supported: all options of spark-submit for an application, --conf, --properties-file, spark-defaults.conf, spark-env.sh;
waiting for the driver's end (spark.kubernetes.submission.waitAppCompletion, true by default);
--status and --kill [NAMESPACE:]POD, with * at the end for all drivers that begin so.
Handed to the real spark-submit if NATIVE_SUBMIT_FALLBACK names it (for instance
\"/opt/spark/bin/spark-class org.apache.spark.deploy.SparkSubmit\"), else refused: client mode, other masters than k8s://,
uploads, wildcards in URIs, a main class that only the jar's manifest names.

Flags of native-submit, before all other arguments:
  --context NAME        Context of the kubeconfig, in place of its current one (spark.kubernetes.context)
  --kubeconfig FILE     Kubeconfig, in place of KUBECONFIG and ~/.kube/config
  -n, --namespace NAME  Namespace of the application (spark.kubernetes.namespace), or of the driver of --status and --kill
  --shadow              The real spark-submit does everything, and native-submit compares what it would have created
                        with what was created; also with NATIVE_SUBMIT_SHADOW=true

Environment: NATIVE_SUBMIT_EXIT_CODE (spark or driver), NATIVE_SUBMIT_FALLBACK, NATIVE_SUBMIT_SHADOW, NATIVE_SUBMIT_SOCKET, TEMPLATE_DIR and the other settings of templates, SPARK_VERSION, EXECUTOR_CHECK, OPERATOR_WEBHOOK, KUBECONFIG";

/// Whether the option is a question about the command.
pub(super) fn answers(option: &str) -> bool {
    matches!(option, "--help" | "-h" | "--usage-error" | "--version")
}

/// Answers it, and ends as `spark-submit` does.
pub(super) fn answer(option: &str) -> ExitCode {
    if option == "--version" {
        let newest = crate::spark::submission::SparkVersion::newest();
        message!(
            "native-submit {}, for Spark up to {newest}",
            env!("CARGO_PKG_VERSION")
        );
        return ExitCode::SUCCESS;
    }
    message!("{TEXT}");
    if option == "--usage-error" {
        ExitCode::from(FAILED)
    } else {
        ExitCode::SUCCESS
    }
}
