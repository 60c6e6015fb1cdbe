//! A template directory as the `ConfigMap`s that a server mounts.

use crate::{
    kubernetes::to_documents,
    templates::{DEFAULT_SET, Sets},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

/// What their names begin with.
const NAME: &str = "native-submit-templates";

/// One `ConfigMap` for each folder: a key can't have a slash.
pub(super) fn text(contents: &Sets) -> String {
    let objects = contents.iter().filter_map(|(set, contents)| {
        let contents = contents.as_ref().ok()?;
        if contents.files.is_empty() {
            return None;
        }
        let name = match set.as_str() {
            DEFAULT_SET => NAME.to_owned(),
            set => format!("{NAME}-{set}"),
        };
        let (mut data, mut binary) = (Map::new(), Map::new());
        for (file, bytes) in &contents.files {
            match std::str::from_utf8(bytes) {
                Ok(text) => data.insert(file.clone(), text.into()),
                Err(_) => binary.insert(file.clone(), STANDARD.encode(bytes).into()),
            };
        }
        let mut object =
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data});
        if !binary.is_empty() {
            object["binaryData"] = binary.into();
        }
        Some(object)
    });
    let objects: Vec<Value> = objects.collect();
    to_documents(&objects)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        strict,
        templates::{Contents, Files},
    };

    #[test]
    fn each_folder_is_a_config_map_with_its_files_byte_for_byte() {
        let source = "{% extends \"builtin/driver-pod.yaml.j2\" %}\n  # tab\there\n";
        let contents = |name: &str, bytes: &[u8]| {
            Ok(Contents {
                files: Files::from([(name.to_owned(), bytes.to_vec())]),
                odd: Vec::new(),
            })
        };
        let sets = Sets::from([
            (
                "default".to_owned(),
                contents("driver-pod.yaml.j2", source.as_bytes()),
            ),
            ("gpu".to_owned(), contents("_a.j2", b"\xff")),
        ]);
        let text = text(&sets);
        let (first, second) = text.split_once("---\n").unwrap();
        let first = strict::parse_yaml(first).unwrap();
        assert_eq!(first["metadata"]["name"], "native-submit-templates");
        assert_eq!(first["data"]["driver-pod.yaml.j2"], source);
        let second = strict::parse_yaml(second).unwrap();
        assert_eq!(second["metadata"]["name"], "native-submit-templates-gpu");
        assert_eq!(second["binaryData"]["_a.j2"], "/w==");
    }
}
