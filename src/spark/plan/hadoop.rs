//! Hadoop's configuration (Spark's `HadoopConfDriverFeatureStep`).

use super::{ConfigMapPlan, config_map::text_files, draft::Draft};
use crate::spark::submission::Refusal;
use serde_json::json;

const VOLUME: &str = "hadoop-properties";
const MOUNT: &str = "/opt/hadoop/conf";

pub(super) fn apply(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    let (name, source) = if let Some(files) = &draft.submission.files.hadoop_conf {
        let name = draft.names.object("hadoop-config");
        let data = text_files(draft, "HADOOP_CONF_DIR", files)?;
        let items: Vec<_> = data
            .keys()
            .map(|file| json!({"key": file, "path": file}))
            .collect();
        draft.config_maps.push(ConfigMapPlan {
            role: "hadoop".to_owned(),
            name: name.clone(),
            data,
        });
        let source = json!({"configMap": {"name": name, "items": items}});
        (name, source)
    } else if let Some(name) = draft.conf.text("spark.kubernetes.hadoop.configMapName")? {
        let source = json!({"configMap": {"name": name}});
        (name, source)
    } else {
        return Ok(());
    };
    draft.pod.mount(VOLUME, MOUNT, source);
    draft.pod.add_env("HADOOP_CONF_DIR", MOUNT);
    draft.set_property("spark.kubernetes.executor.hadoopConfigMapName", name);
    Ok(())
}
