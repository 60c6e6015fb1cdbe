//! Kerberos: krb5.conf, keytab, and a Secret with tokens that exists (Spark's `KerberosConfDriverFeatureStep`).

use super::{ConfigMapPlan, SecretPlan, config_map::text_files, draft::Draft};
use crate::{kubernetes::append, spark::submission::Refusal};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::json;
use std::collections::BTreeMap;

const KRB5_PATH: &str = "spark.kubernetes.kerberos.krb5.path";
const KRB5_CONFIG_MAP: &str = "spark.kubernetes.kerberos.krb5.configMapName";
const TOKEN_SECRET: &str = "spark.kubernetes.kerberos.tokenSecret.name";
const TOKEN_KEY: &str = "spark.kubernetes.kerberos.tokenSecret.itemKey";
const KEYTAB_MOUNT: &str = "/mnt/secrets/kerberos-keytab";
const TOKEN_MOUNT: &str = "/mnt/secrets/hadoop-credentials";

/// Pairs of which both must be given or neither.
const TOGETHER: [(&str, &str, &str); 2] = [
    (
        "spark.kerberos.principal",
        "spark.kerberos.keytab",
        "If a Kerberos principal is specified you must also specify a Kerberos keytab, and the other way round",
    ),
    (
        TOKEN_SECRET,
        TOKEN_KEY,
        "If a secret storing a Kerberos Delegation Token is specified you must also specify the item-key where the \
         data is stored, and the other way round",
    ),
];

/// What Spark refuses of the conf, also where the step is excluded.
pub(super) fn check(draft: &Draft<'_>) -> Result<(), Refusal> {
    for (first, second, message) in TOGETHER {
        match (draft.conf.text(first)?, draft.conf.text(second)?) {
            (Some(_), None) => return Err(Refusal::new(second, message)),
            (None, Some(_)) => return Err(Refusal::new(first, message)),
            _ => {}
        }
    }
    if draft.conf.text(KRB5_PATH)?.is_some() && draft.conf.text(KRB5_CONFIG_MAP)?.is_some() {
        return Err(Refusal::new(
            KRB5_CONFIG_MAP,
            format!("Do not specify both a Krb5 local file ({KRB5_PATH}) and the ConfigMap"),
        ));
    }
    Ok(())
}

pub(super) fn apply(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    check(draft)?;
    krb5(draft)?;
    if draft.submission.files.keytab.is_some() {
        keytab(draft);
        return Ok(());
    }
    tokens(draft)
}

fn krb5(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    let config_map = draft.conf.text(KRB5_CONFIG_MAP)?;
    let source = match (&draft.submission.files.krb5, config_map) {
        (Some(file), _) => {
            let name = draft.names.object("krb5-file");
            let data = text_files(draft, KRB5_PATH, std::slice::from_ref(file))?;
            let source =
                json!({"configMap": {"name": name, "items": [{"key": file.name, "path": file.name}]}});
            draft.config_maps.push(ConfigMapPlan {
                role: "krb5".to_owned(),
                name,
                data,
            });
            source
        }
        (None, Some(name)) => json!({"configMap": {"name": name}}),
        (None, None) => return Ok(()),
    };
    draft.pod.add_volume("krb5-file", source);
    append(
        &mut draft.pod.container,
        "volumeMounts",
        [json!({"name": "krb5-file", "mountPath": "/etc/krb5.conf", "subPath": "krb5.conf"})],
    );
    Ok(())
}

fn keytab(draft: &mut Draft<'_>) {
    let Some(file) = &draft.submission.files.keytab else {
        return;
    };
    let name = draft.names.object("kerberos-keytab");
    draft.pod.mount(
        "kerberos-keytab",
        KEYTAB_MOUNT,
        json!({"secret": {"secretName": name}}),
    );
    let data = BTreeMap::from([(file.name.clone(), BASE64_STANDARD.encode(&file.contents))]);
    draft.secrets.push(SecretPlan {
        role: "keytab".to_owned(),
        name,
        data,
    });
    draft.set_property("spark.kerberos.keytab", format!("{KEYTAB_MOUNT}/{}", file.name));
}

/// An existing Secret with delegation tokens. Obtaining tokens would need a Kerberos login on the submitter;
/// without one, Spark makes none either.
fn tokens(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    let (Some(secret), Some(key)) = (draft.conf.text(TOKEN_SECRET)?, draft.conf.text(TOKEN_KEY)?) else {
        return Ok(());
    };
    draft.pod.mount(
        "hadoop-secret",
        TOKEN_MOUNT,
        json!({"secret": {"secretName": secret}}),
    );
    draft
        .pod
        .add_env("HADOOP_TOKEN_FILE_LOCATION", &format!("{TOKEN_MOUNT}/{key}"));
    Ok(())
}
