mod completeness;

use super::*;
use crate::operator::application::{ApplicationType, RestartPolicyType, validate};
use serde_json::{Value, json};

fn errors(application: wire::SparkApplication) -> Vec<String> {
    let error = from_wire(application).unwrap_err();
    error.to_string().lines().map(str::to_owned).collect()
}

fn spec(spec: wire::SparkApplicationSpec) -> wire::SparkApplication {
    wire::SparkApplication {
        spec: Some(spec),
        ..Default::default()
    }
}

fn driver(driver: wire::DriverSpec) -> wire::SparkApplication {
    spec(wire::SparkApplicationSpec {
        driver: Some(driver),
        ..Default::default()
    })
}

fn driver_pod(pod: wire::SparkPodSpec) -> wire::SparkApplication {
    driver(wire::DriverSpec {
        spark_pod_spec: Some(pod),
        ..Default::default()
    })
}

fn json_of(application: wire::SparkApplication) -> Value {
    serde_json::to_value(from_wire(application).unwrap()).unwrap()
}

/// The fields that the operator's gRPC client sends, and no others.
#[test]
fn a_request_of_the_operators_client_gives_a_valid_application() {
    let text = |text: &str| Some(text.to_owned());
    let application = from_wire(wire::SparkApplication {
        metadata: Some(wire::ObjectMeta {
            name: "spark-pi".to_owned(),
            namespace: "team".to_owned(),
            ..Default::default()
        }),
        spec: Some(wire::SparkApplicationSpec {
            r#type: wire::SparkApplicationType::Scala.into(),
            mode: wire::DeployMode::Cluster.into(),
            image: text("apache/spark:4.0.0"),
            main_class: text("org.apache.spark.examples.SparkPi"),
            main_application_file: text("local:///opt/spark/examples/jars/spark-examples.jar"),
            spark_version: "4.0.0".to_owned(),
            arguments: vec!["5000".to_owned()],
            deps: Some(wire::Dependencies::default()),
            restart_policy: Some(wire::RestartPolicy {
                r#type: "Never".to_owned(),
            }),
            driver: Some(wire::DriverSpec {
                spark_pod_spec: Some(wire::SparkPodSpec {
                    cores: Some(1),
                    memory: "512m".to_owned(),
                    service_account: text("spark"),
                    ..Default::default()
                }),
                ..Default::default()
            }),
            executor: Some(wire::ExecutorSpec {
                instances: Some(2),
                ..Default::default()
            }),
            ..Default::default()
        }),
        status: Some(wire::SparkApplicationStatus {
            submission_id: "ignored".to_owned(),
            ..Default::default()
        }),
    })
    .unwrap();

    validate(&application).unwrap();
    assert_eq!(application.uid(), None);
    assert_eq!(application.metadata.uid, None);
    assert_eq!(
        (application.name(), application.namespace()),
        ("spark-pi", "team")
    );
    assert_eq!(application.spec.type_, Some(ApplicationType::Scala));
    assert_eq!(
        application.spec.restart_policy.type_,
        Some(RestartPolicyType::Never)
    );
    assert_eq!(application.spec.driver.pod.memory.as_deref(), Some("512m"));
    assert_eq!(application.spec.executor.instances, Some(2));
    assert_eq!(application.spec.executor.pod.memory, None);
}

#[test]
fn an_empty_message_is_an_application_without_fields() {
    let application = from_wire(spec(wire::SparkApplicationSpec::default())).unwrap();
    assert_eq!(application, SparkApplication::default());
    assert_eq!(
        errors(wire::SparkApplication::default()),
        ["spark_application.spec: expected a value, found nothing"]
    );
}

#[test]
fn a_wrapper_that_is_there_is_set_even_to_nothing() {
    let application = from_wire(spec(wire::SparkApplicationSpec {
        image: Some(String::new()),
        failure_retries: Some(0),
        ..Default::default()
    }))
    .unwrap();
    assert_eq!(application.spec.image.as_deref(), Some(""));
    assert_eq!(application.spec.failure_retries, Some(0));
}

#[test]
fn dynamic_allocation_that_is_off_stays_off() {
    let found = json_of(spec(wire::SparkApplicationSpec {
        dynamic_allocation: Some(wire::DynamicAllocation {
            enabled: false,
            max_executors: 7,
            ..Default::default()
        }),
        ..Default::default()
    }));
    assert_eq!(
        found["spec"]["dynamicAllocation"],
        json!({"enabled": false, "maxExecutors": 7})
    );
}

#[test]
fn anti_affinity_is_one_required_term() {
    let anti_affinity = |term| {
        let found = json_of(driver_pod(wire::SparkPodSpec {
            affinity: Some(wire::Affinity {
                pod_anti_affinity: Some(term),
                ..Default::default()
            }),
            ..Default::default()
        }));
        found["spec"]["driver"]["affinity"]["podAntiAffinity"].clone()
    };
    assert_eq!(anti_affinity(wire::PodAntiAffinity::default()), json!({}));
    let term = wire::PodAntiAffinity {
        topology_key: "zone".to_owned(),
        ..Default::default()
    };
    assert_eq!(
        anti_affinity(term),
        json!({"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "zone"}]})
    );
}

#[test]
fn a_pod_template_becomes_the_json_that_a_file_would_have() {
    let found = json_of(driver_pod(wire::SparkPodSpec {
        template: Some(wire::PodTemplateSpec {
            object_meta: None,
            pod_spec: Some(wire::PodSpec {
                host_name: "h".to_owned(),
                restart_policy: Some(wire::RestartPolicy {
                    r#type: "Never".to_owned(),
                }),
                ..Default::default()
            }),
        }),
        ..Default::default()
    }));
    assert_eq!(
        found["spec"]["driver"]["template"],
        json!({"spec": {"containers": [], "hostname": "h", "restartPolicy": "Never"}})
    );
}

#[test]
fn everything_wrong_is_reported_at_once_with_the_messages_paths() {
    let port = |text: &str| wire::Ports {
        container_port: text.to_owned(),
        ..Default::default()
    };
    let found = errors(spec(wire::SparkApplicationSpec {
        r#type: 99,
        driver: Some(wire::DriverSpec {
            ports: vec![port("80"), port("http")],
            spark_pod_spec: Some(wire::SparkPodSpec {
                tolerations: vec![wire::Toleration {
                    effect: wire::TaintEffect::NoScheduleNoAdmit.into(),
                    ..Default::default()
                }],
                ..Default::default()
            }),
            ..Default::default()
        }),
        restart_policy: Some(wire::RestartPolicy {
            r#type: "Sometimes".to_owned(),
        }),
        batch_scheduler_configuration: Some(wire::BatchSchedulerConfiguration {
            resources: [(
                "cpu".to_owned(),
                wire::Quantity {
                    s: "many".to_owned(),
                    ..Default::default()
                },
            )]
            .into(),
            ..Default::default()
        }),
        ..Default::default()
    }));
    let starts = [
        "spark_application.spec.type: expected a value of this enum, found 99",
        "spark_application.spec.batch_scheduler_configuration.resources[\"cpu\"].s: expected a Kubernetes quantity",
        "spark_application.spec.driver.ports[1].container_port: expected a port number, found `http`",
        "spark_application.spec.driver.spark_pod_spec.tolerations[0].effect: expected an effect that Kubernetes has, found NO_SCHEDULE_NO_ADMIT",
        "spark_application.spec.restart_policy.type: expected one of Never, Always, OnFailure, found `Sometimes`",
    ];
    assert_eq!(found.len(), starts.len(), "{found:#?}");
    for start in starts {
        assert!(
            found.iter().any(|line| line.starts_with(start)),
            "{start}\n{found:#?}"
        );
    }
}

#[test]
fn what_kubernetes_requires_is_required() {
    let action = wire::TcpSocketAction::default();
    let found = errors(driver(wire::DriverSpec {
        life_cycle: Some(wire::Lifecycle {
            post_start: Some(wire::LifecycleHandler {
                tcp_socket: Some(action),
                ..Default::default()
            }),
            ..Default::default()
        }),
        spark_pod_spec: Some(wire::SparkPodSpec {
            security_context: Some(wire::SecurityContext {
                sec_comp_profile: Some(wire::SeccompProfile::default()),
                ..Default::default()
            }),
            ..Default::default()
        }),
        ..Default::default()
    }));
    assert_eq!(
        found,
        [
            "spark_application.spec.driver.life_cycle.post_start.tcp_socket.port: expected a number or a name, found nothing",
            "spark_application.spec.driver.spark_pod_spec.security_context.sec_comp_profile.type: expected a value, found nothing",
        ]
    );
}

#[test]
fn a_time_out_of_range_is_refused() {
    let found = errors(wire::SparkApplication {
        metadata: Some(wire::ObjectMeta {
            creation_timestamp: Some(prost_types::Timestamp {
                seconds: i64::MAX,
                nanos: 0,
            }),
            ..Default::default()
        }),
        ..spec(wire::SparkApplicationSpec::default())
    });
    assert_eq!(
        found,
        ["spark_application.metadata.creation_timestamp: expected a point in time, found one out of range"]
    );
}
