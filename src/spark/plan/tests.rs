//! Plans of arguments whose reading the differential fuzzer found to differ from Spark's (`tests/parity/differential`).

use super::*;
use crate::spark::submission::{
    ExcludedSteps, Reach, Refusal, Request, SubmitterContext, arguments, resolve,
};

const MAX_SIZE: &str = "spark.kubernetes.configMap.maxSize";
const ACCESS_MODE: &str = "spark.kubernetes.legacy.useReadWriteOnceAccessMode";

/// What is planned of these settings, with the variables of the submitter's process.
fn planned(
    version: &str,
    settings: &[(&str, &str)],
    environment: &[(&str, &str)],
) -> Result<DriverPlan, Refusal> {
    planned_with(version, &[], settings, environment)
}

/// As [`planned`], with options before the settings.
fn planned_with(
    version: &str,
    options: &[&str],
    settings: &[(&str, &str)],
    environment: &[(&str, &str)],
) -> Result<DriverPlan, Refusal> {
    let context = SubmitterContext {
        spark_version: Some(version.parse().unwrap()),
        environment: environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        reach: Reach::Process,
        user: "login".to_owned(),
        ..SubmitterContext::golden()
    };
    planned_from(&context, options, settings)
}

/// As [`planned_with`], of a context.
fn planned_from(
    context: &SubmitterContext,
    options: &[&str],
    settings: &[(&str, &str)],
) -> Result<DriverPlan, Refusal> {
    let fixed = "--master k8s://https://h --deploy-mode cluster --class a.B --conf spark.kubernetes.container.image=i";
    let mut argv: Vec<_> = fixed.split(' ').map(str::to_owned).collect();
    argv.extend(options.iter().map(|option| (*option).to_owned()));
    for (key, value) in settings {
        argv.extend(["--conf".to_owned(), format!("{key}={value}")]);
    }
    argv.push("local:///a.jar".to_owned());
    let submission = resolve(arguments::parse(&argv).unwrap(), Request::default(), context)?;
    plan(&submission, context)
}

/// The value of the driver's variable.
fn variable(plan: &DriverPlan, name: &str) -> Option<String> {
    let text = serde_json::to_value(plan).unwrap();
    let found = text.pointer("/driver/env").and_then(Value::as_array)?;
    let entry = found.iter().find(|entry| entry["name"] == name)?;
    entry["value"].as_str().map(str::to_owned)
}

#[test]
fn an_empty_user_is_a_user_and_a_proxy_comes_before_it_from_4_3_on() {
    let user = |version, environment: &[_]| {
        variable(&planned(version, &[], environment).unwrap(), "SPARK_USER").unwrap()
    };
    for version in ["3.5.9", "4.2.1", "4.3.0"] {
        assert_eq!(user(version, &[]), "login", "{version}");
        assert_eq!(user(version, &[("SPARK_USER", "")]), "", "{version}");
        assert_eq!(user(version, &[("SPARK_USER", "ada")]), "ada", "{version}");
    }
}

#[test]
fn a_user_that_hadoop_cannot_log_in_is_refused_where_spark_logs_in() {
    const JAR: (&str, &str) = ("spark.jars", "https://h/x.jar,s3a://b/x.jar");
    let login = |version: &str, options: &[&str], settings: &[(&str, &str)], environment: &[&str]| {
        let environment = environment.iter().map(|entry| entry.split_once('=').unwrap());
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let process = SubmitterContext::of_spark_submit(environment.collect(), None, "/".into(), 0);
        let context = SubmitterContext {
            spark_version: Some(version.parse().unwrap()),
            ..process.unwrap()
        };
        planned_from(&context, options, settings)
            .map(drop)
            .map_err(|refusal| refusal.subject)
    };
    let refused = |key: &str| Err(key.to_owned());
    let (user, proxy) = ("HADOOP_USER_NAME", "HADOOP_PROXY_USER");
    for version in ["3.5.9", "4.0.4", "4.3.0"] {
        for (entry, key) in [
            ("HADOOP_USER_NAME=h@", user),
            ("HADOOP_PROXY_USER=", proxy),
            ("HADOOP_PROXY_USER=@R", proxy),
        ] {
            assert_eq!(login(version, &[], &[], &[entry]), refused(key), "{version}");
            for spark_user in ["SPARK_USER=ada", "SPARK_USER="] {
                let environment = [entry, spark_user];
                let expected = if version == "3.5.9" { refused(key) } else { Ok(()) };
                assert_eq!(
                    login(version, &[], &[], &environment),
                    expected,
                    "{version} {environment:?}"
                );
                let https = [("spark.jars", "https://h/x.jar,local:///x.jar")];
                assert_eq!(
                    login(version, &[], &https, &environment),
                    expected,
                    "{version} {environment:?}"
                );
                // Hadoop looks for a file, or acts for another user.
                assert_eq!(
                    login(version, &[], &[JAR], &environment),
                    refused(key),
                    "{version}"
                );
                let proxied = login(version, &["--proxy-user", "bob"], &[], &environment);
                assert_eq!(proxied, refused(key), "{version}");
            }
        }
        for settings in [
            [
                ("spark.kubernetes.kerberos.tokenSecret.name", "s"),
                ("spark.kubernetes.kerberos.tokenSecret.itemKey", "k"),
            ],
            [
                ("spark.kerberos.principal", "a@R"),
                ("spark.kerberos.keytab", "local:///k"),
            ],
        ] {
            let environment = ["SPARK_USER=ada", "HADOOP_USER_NAME=h@"];
            assert_eq!(
                login(version, &[], &settings, &environment),
                Ok(()),
                "{version} {settings:?}"
            );
        }
        let both = ["HADOOP_PROXY_USER=p", "HADOOP_USER_NAME=h@"];
        assert_eq!(login(version, &[], &[], &both), refused(user), "{version}");
        assert_eq!(
            login(
                version,
                &[],
                &[JAR],
                &["HADOOP_PROXY_USER=p@R", "HADOOP_USER_NAME=h"]
            ),
            Ok(())
        );
    }
}

#[test]
fn a_proxy_user_has_its_short_name_before_4_3() {
    for (version, user) in [("3.5.9", "ada"), ("4.2.1", "ada"), ("4.3.0", "ada@R")] {
        let plan = planned_with(version, &["--proxy-user", "ada@R"], &[], &[]).unwrap();
        assert_eq!(variable(&plan, "SPARK_USER").as_deref(), Some(user), "{version}");
    }
    let refused = planned_with("4.3.0", &["--proxy-user", "@R"], &[], &[]).unwrap_err();
    assert_eq!(refused.subject, "--proxy-user");
}

#[test]
fn settings_are_read_where_their_step_does_nothing() {
    const EXCLUDED: &str = ExcludedSteps::OF_DRIVER;
    const TMPFS: &str = "spark.kubernetes.local.dirs.tmpfs";
    let mounted = [
        (
            "spark.kubernetes.driver.volumes.emptyDir.spark-local-dir-x.mount.path",
            "/x",
        ),
        (TMPFS, "yes"),
    ];
    for version in ["3.5.9", "4.3.0"] {
        assert_eq!(
            planned(version, &mounted, &[]).unwrap_err().subject,
            TMPFS,
            "{version}"
        );
    }
    for (step, key, value) in [
        ("LocalDirsFeatureStep", TMPFS, "yes"),
        (
            "DriverServiceFeatureStep",
            "spark.kubernetes.driver.service.ipFamilyPolicy",
            "x",
        ),
        (
            "DriverServiceFeatureStep",
            "spark.kubernetes.driver.service.ipFamilies",
            "x",
        ),
        (
            "DriverServiceFeatureStep",
            "spark.kubernetes.driver.service.publishNotReadyAddresses",
            "x",
        ),
        (
            "MountVolumesFeatureStep",
            "spark.kubernetes.executor.volumes.foo.v.mount.path",
            "/x",
        ),
        (
            "KerberosConfDriverFeatureStep",
            "spark.kubernetes.kerberos.tokenSecret.name",
            "x",
        ),
    ] {
        let class = format!("org.apache.spark.deploy.k8s.features.{step}");
        let refused = planned("4.3.0", &[(EXCLUDED, &class), (key, value)], &[]);
        assert!(refused.is_err(), "{key}");
        planned("4.3.0", &[(EXCLUDED, &class)], &[]).unwrap();
    }
}

#[test]
fn a_file_of_an_excluded_step_is_not_read() {
    const KRB5: &str = "spark.kubernetes.kerberos.krb5.path";
    let folder = tempfile::tempdir().unwrap();
    let long = std::fs::File::create(folder.path().join("x.xml")).unwrap();
    long.set_len((1 << 20) + 1).unwrap();
    let hadoop = [("HADOOP_CONF_DIR", folder.path().to_str().unwrap())];
    let template = [("spark.kubernetes.executor.podTemplateFile", "/none")];
    for (step, settings, environment) in [
        ("KerberosConfDriverFeatureStep", &[(KRB5, "/none")][..], &[][..]),
        ("KerberosConfDriverFeatureStep", &[(KRB5, "s3a://b/x")], &[]),
        ("PodTemplateConfigMapStep", &template, &[]),
        ("HadoopConfDriverFeatureStep", &[], &hadoop),
    ] {
        let class = format!("org.apache.spark.deploy.k8s.features.{step}");
        let excluding: Vec<_> = [(ExcludedSteps::OF_DRIVER, class.as_str())]
            .into_iter()
            .chain(settings.iter().copied())
            .collect();
        let planned_by = |version, settings| planned(version, settings, environment).map(drop);
        assert_eq!(planned_by("4.1.4", &excluding), Ok(()), "{step} {settings:?}");
        assert!(planned_by("4.1.4", settings).is_err(), "{step} {settings:?}");
        // It doesn't read the key that excludes steps.
        assert!(planned_by("4.0.4", &excluding).is_err(), "{step} {settings:?}");
    }
    let class = "org.apache.spark.deploy.k8s.features.KerberosConfDriverFeatureStep";
    let keytab = folder.path().join("keytab");
    std::fs::write(&keytab, "x").unwrap();
    for (keytab, fits) in [
        (keytab.to_str().unwrap(), true),
        ("local:///none", true),
        ("/none", false),
    ] {
        let settings = [
            (ExcludedSteps::OF_DRIVER, class),
            ("spark.kerberos.principal", "a@B"),
            ("spark.kerberos.keytab", keytab),
        ];
        assert_eq!(planned("4.1.4", &settings, &[]).is_ok(), fits, "{keytab}");
    }
    let both = [
        (ExcludedSteps::OF_DRIVER, class),
        (KRB5, "/none"),
        ("spark.kubernetes.kerberos.krb5.configMapName", "c"),
    ];
    let refused = planned("4.1.4", &both, &[]).unwrap_err();
    assert_eq!(refused.subject, "spark.kubernetes.kerberos.krb5.configMapName");
}

#[test]
fn files_of_a_config_map_have_a_size_of_at_most_a_mebibyte() {
    for (size, fits) in [
        ("1048576", true),
        (" 600 ", true),
        ("0", true),
        ("-1", true),
        ("1048577", false),
        ("9223372036854775808", false),
        ("1k", false),
        ("", false),
    ] {
        let refused = planned("4.3.0", &[(MAX_SIZE, size)], &[]).err();
        assert_eq!(refused.is_none(), fits, "{size}: {refused:?}");
        assert!(
            refused.is_none_or(|refusal| refusal.subject == MAX_SIZE),
            "{size}"
        );
    }
}

#[test]
fn the_access_mode_of_claims_is_read_where_no_claim_is_made() {
    let refused = planned("3.5.9", &[(ACCESS_MODE, "no")], &[]).unwrap_err();
    assert_eq!(refused.subject, ACCESS_MODE);
    assert!(planned("3.5.9", &[(ACCESS_MODE, " TRUE ")], &[]).is_ok());
}
