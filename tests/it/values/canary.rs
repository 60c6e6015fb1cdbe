//! A secret is nowhere but in the objects: a canary in every place where a user could put one, and a search
//! through everything that the server says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::support::serve::{Serve, exchange};
use serde_json::{Value, json};
use std::fmt::Write;

const CANARY: &str = "hunter2-canary";

/// An application with a secret in every free-form place.
fn secretive() -> String {
    format!(
        r#"
apiVersion: sparkoperator.k8s.io/v1beta2
kind: SparkApplication
metadata: {{name: secretive, namespace: jobs, annotations: {{note: {CANARY}}}}}
spec:
  type: Scala
  mode: cluster
  sparkVersion: 4.0.1
  image: spark:4.0.1
  mainClass: a.B
  mainApplicationFile: local:///a.jar
  arguments: ["--password={CANARY}"]
  sparkConf: {{spark.hadoop.fs.s3a.secret.key: {CANARY}, spark.app.password: {CANARY}}}
  hadoopConf: {{fs.s3a.access.key: {CANARY}}}
  driver:
    cores: 1
    memory: 512m
    javaOptions: -Dpassword={CANARY}
    annotations: {{note: {CANARY}}}
    envVars: {{PASSWORD: {CANARY}}}
    env: [{{name: TOKEN, value: {CANARY}}}]
    sidecars: [{{name: s, image: i, args: [{CANARY}], env: [{{name: P, value: {CANARY}}}]}}]
  executor: {{instances: 1, cores: 1, memory: 512m, envVars: {{PASSWORD: {CANARY}}}}}
"#
    )
}

/// Each of these makes the application wrong, with the canary in the wrong place where that can be.
fn broken() -> Vec<String> {
    let replace = |from: &str, to: &str| {
        assert!(secretive().contains(from), "{from}");
        secretive().replace(from, to)
    };
    let canary = |text: &str| text.replace('@', CANARY);
    vec![
        canary("a: @\nb: [@"),
        canary("{@: @, @: @}"),
        replace("arguments: [", &canary("arguments: [{a: @}, ")),
        replace("cores: 1", &canary("cores: @")),
        replace("sparkConf: {", &canary("sparkConf: {spark.x: [@], ")),
        replace(
            "sparkConf: {",
            &canary("sparkConf: {spark.driver.port: '1', spark.kubernetes.driver.label.spark-role: @, "),
        ),
        replace(
            "sparkConf: {",
            &canary("sparkConf: {spark.kubernetes.driver.secretKeyRef.A: '@', "),
        ),
        replace(
            "sparkConf: {",
            &canary("sparkConf: {spark.kubernetes.driver.podTemplateFile: /@, "),
        ),
        replace(
            "sparkConf: {",
            &canary("sparkConf: {spark.kubernetes.kerberos.krb5.path: /@, "),
        ),
        replace(
            "sparkConf: {",
            &canary("sparkConf: {spark.driver.bindAddress: @, "),
        ),
        replace(
            "sparkConf: {",
            &canary("sparkConf: {spark.kubernetes.driver.label.a: '@ @', "),
        ),
        replace("sparkConf: {", &canary("sparkConf: {spark.files: '/tmp/@', ")),
        replace("javaOptions: ", "javaOptions: -Xmx1g "),
        replace(
            "env: [",
            &canary(
                "env: [{name: 'A=@', value: @}, {name: B, value: @, valueFrom: {fieldRef: {fieldPath: a}}}, ",
            ),
        ),
        replace("envVars: {PASSWORD: ", &canary("envVars: {'A=B': @, PASSWORD: ")),
        replace(
            "sidecars: [",
            &canary("sidecars: [{name: S, image: '', args: [@, \"@\\0\"]}, "),
        ),
        replace(
            "sidecars: [",
            &canary("template: {spec: {containers: @}}\n    sidecars: ["),
        ),
        replace(
            "sidecars: [",
            &canary("template: {spec: {containers: [{name: d, env: @}]}}\n    sidecars: ["),
        ),
        replace(
            "annotations: {note: ",
            &canary("annotations: {'not a key': @, note: "),
        ),
    ]
}

/// The same application as arguments over REST, after these; its main file is the last.
fn arguments(more: &[&str], main_file: &str) -> Value {
    let own = [
        "--master",
        "k8s://https://10.0.0.1:443",
        "--deploy-mode",
        "cluster",
        "--class",
        "a.B",
        "--name",
        "secretive-rest",
        "--conf",
        "spark.kubernetes.namespace=jobs",
        "--conf",
        "spark.kubernetes.container.image=spark:4.0.1",
        "--conf",
        "spark.app.password=@",
        "--conf",
        "spark.driver.extraJavaOptions=-Dpassword=@",
    ];
    let all = own.iter().chain(more).chain([&main_file, &"--password=@"]);
    let all: Vec<_> = all.map(|argument| argument.replace('@', CANARY)).collect();
    json!({
        "submission_id": "a", "spark_submit_args": all,
        "driver_pod_template": {"metadata": {"annotations": {"note": CANARY}}, "spec": {"containers": [
            {"name": "spark-kubernetes-driver", "env": [{"name": "TOKEN", "value": CANARY}]}]}},
    })
}

/// Each of these makes the arguments wrong, with the canary in the wrong place.
fn broken_arguments() -> Vec<Value> {
    let main_file = "local:///a.jar";
    let mut broken: Vec<_> = [
        "-Dpassword=@",
        "-p@",
        "--password-@",
        "--password=@",
        "--conf @",
        "--conf spark.driver.extraJavaOptions=-Xmx1g,-Dpassword=@",
        "--conf spark.driver.defaultJavaOptions=-Xmx@",
        "--conf spark.jars.packages=a:b:c,@",
        "--packages @",
        "--jars s3a://@:@@bucket/app?.jar",
        "--py-files @.py",
        "--repositories https://x --archives ivy://@",
        "--master k8s://@://host",
        "--master https://user:@@host",
        "--remote sc://host/;token=@",
        "--conf spark.remote=sc://host/;token=@",
        "--properties-file /@",
        "--keytab /@ --principal a@B",
        "--conf spark.kubernetes.kerberos.krb5.path=local:/@",
        "--conf spark.kubernetes.driver.podTemplateFile=local:///@",
        "--conf spark.kubernetes.executor.podTemplateFile=/@",
        "--conf spark.kubernetes.authenticate.driver.oauthToken=@",
        "--conf spark.kubernetes.authenticate.driver.oauthTokenFile=/@",
        "--conf spark.kubernetes.authenticate.submission.oauthToken=@",
        "--conf spark.driver.memory=${spark.app.password}",
        "--conf spark.driver.memoryOverhead=${spark.app.password}",
        "--conf spark.kubernetes.namespace=${spark.app.password}.",
        "--conf spark.ui.port=${spark.app.password}",
        "--conf spark.kubernetes.memoryOverheadFactor=${spark.app.password}",
        "--conf spark.kubernetes.driver.label.sparkoperator.k8s.io/app-name=a --conf \
         spark.kubernetes.executor.label.sparkoperator.k8s.io/app-name=/@",
        "--conf spark.kubernetes.driver.label.a=/@",
        "--conf spark.kubernetes.driver.secretKeyRef.A=@",
    ]
    .iter()
    .map(|more| arguments(&more.split(' ').collect::<Vec<_>>(), main_file))
    .collect();
    for main_file in [
        "s3a://AKIAX:@@bucket/app?.py",
        "/tmp/@.py",
        "ivy://@.py",
        "-@",
        "@.jar",
    ] {
        broken.push(arguments(&[], main_file));
    }
    broken
}

#[tokio::test]
async fn a_secret_is_in_no_log_line_metric_error_or_reply() {
    let out = tempfile::tempdir().unwrap();
    let apply_to = format!("dir:{}", out.path().display());
    let serve = Serve::start(&["--apply-to", &apply_to], &[("RUST_LOG", "trace")]);
    let accepted = serve.submit(&secretive(), "good").await;
    assert!(accepted.success, "{}", accepted.error_message);
    let mut said = format!("{accepted:?}");
    for (index, application) in broken().iter().enumerate() {
        let reply = serve.submit(application, &format!("bad-{index}")).await;
        assert!(!reply.success, "number {index} was accepted:\n{application}");
        assert!(
            !reply.error_message.contains(CANARY),
            "number {index}: {}",
            reply.error_message
        );
        write!(said, "{reply:?}").unwrap();
    }
    let post = |body: &Value| {
        let headers = "Content-Type: application/json\r\n";
        let body = body.to_string();
        exchange(&serve.rest, "POST /api/v1/spark-submit", headers, body.as_bytes())
    };
    let (status, answer) = post(&arguments(&[], "local:///a.jar"));
    assert_eq!(status, 201, "{answer}");
    said += &answer;
    for body in broken_arguments() {
        let (status, answer) = post(&body);
        assert!((400..500).contains(&status), "{status} {answer}\n{body}");
        assert!(!answer.contains(CANARY), "{answer}\n{body}");
        said += &answer;
    }
    for path in ["/metrics", "/readyz", "/healthz"] {
        said += &serve.get(path).1;
    }
    serve.signal("TERM");
    let (_, log) = serve.end();
    assert!(!said.contains(CANARY));
    let leaking: Vec<_> = log.lines().filter(|line| line.contains(CANARY)).collect();
    assert!(leaking.is_empty(), "{leaking:#?}");
    // The secret did arrive where it belongs.
    let pod = std::fs::read_to_string(out.path().join("jobs/secretive-driver/pod-driver.yaml")).unwrap();
    assert!(pod.contains(CANARY));
}

#[tokio::test]
async fn a_submission_reaches_no_file_and_no_variable_of_the_service() {
    let out = tempfile::tempdir().unwrap();
    let token = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(token.path(), CANARY).unwrap();
    let path = token.path().to_str().unwrap();
    let apply_to = format!("dir:{}", out.path().display());
    let serve = Serve::start(&["--apply-to", &apply_to], &[("SECRET_OF_THE_SERVICE", CANARY)]);
    for conf in [
        format!("spark.kubernetes.driver.podTemplateFile: {path}"),
        format!("spark.kubernetes.executor.podTemplateFile: {path}"),
        format!("spark.kubernetes.kerberos.krb5.path: {path}"),
        format!("spark.kerberos.keytab: {path}, spark.kerberos.principal: a@B"),
        format!("spark.kubernetes.authenticate.driver.caCertFile: {path}"),
        format!("spark.kubernetes.authenticate.driver.clientKeyFile: 'file://{path}'"),
        format!("spark.kubernetes.authenticate.driver.oauthTokenFile: {path}"),
        "spark.kubernetes.authenticate.submission.oauthToken: x".to_owned(),
        format!("spark.kubernetes.authenticate.submission.caCertFile: {path}"),
        format!("spark.files: {path}"),
        format!("spark.jars: 'file://{path}'"),
        "spark.kubernetes.container.image.pullPolicy: '${env:SECRET_OF_THE_SERVICE}'".to_owned(),
        "spark.kubernetes.driver.request.cores: '${system:user.home}'".to_owned(),
    ] {
        let application = secretive().replace("sparkConf: {", &format!("sparkConf: {{{conf}, "));
        let reply = serve.submit(&application, "a").await;
        assert!(!reply.success, "{conf} was accepted");
        let key = conf.split(':').next().unwrap();
        assert!(
            reply.error_message.contains(key),
            "{key}: {}",
            reply.error_message
        );
    }
    assert_eq!(
        std::fs::read_dir(out.path()).unwrap().count(),
        0,
        "something was written"
    );
}
