//! Which line of which template wrote each line of a finished object: of the strongest patch that has the field, else of the
//! template itself.

use super::{lines::Lines, mask::Secrets, trace::carried};
use crate::{
    kubernetes::to_yaml,
    strict::{self, Place},
    templates::{Document, Mark, Rendered, unmarked},
};
use serde_json::Value;
use std::collections::BTreeMap;

/// The fields that identify the items of a list, the first that an item has. An index changes where a patch adds an item.
const IDENTITY: [&str; 6] = [
    "mountPath",
    "devicePath",
    "name",
    "topologyKey",
    "containerPort",
    "ip",
];

/// The role of the `ConfigMap` that carries the executor pod template.
const CARRIER: &str = "configmap-executor-template";

/// A finished object as it is shown, and where its lines come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WrittenObject {
    /// Its role: `pod-driver`.
    pub(crate) role: String,
    /// Kind and name: `Pod/spark-pi-driver`.
    pub(crate) title: String,
    /// The YAML.
    pub(crate) text: String,
    /// For each line of the text the template line that wrote it; none where native-submit or Spark did.
    pub(crate) marks: Vec<Option<Mark>>,
}

/// The documents of one submission, from which its finished objects were made.
pub(crate) struct Lineage {
    documents: BTreeMap<String, Layers>,
    /// Of the executor pod template.
    executor: Layers,
}

/// A text and the patches of it, the strongest last; each as the line of each of its fields.
#[derive(Default)]
struct Layers {
    base: Fields,
    patches: Vec<Fields>,
}

/// The template line that wrote each field, by the field's identity.
#[derive(Default)]
struct Fields(BTreeMap<String, Option<Mark>>);

impl Lineage {
    /// Of documents, and of the same documents with marks where there are any.
    pub(crate) fn of(rendered: &Rendered, marked: Option<&Rendered>) -> Self {
        let mut lineage = Self {
            documents: BTreeMap::new(),
            executor: Layers::default(),
        };
        for document in &rendered.documents {
            let marked_document = marked.and_then(|marked| {
                let mut same = marked.documents.iter();
                same.find(|marked| marked.role == document.role)
            });
            // A template may write the set's id, and the marked set has another.
            let id = marked.map(|marked| (marked.template_set.as_str(), rendered.template_set.as_str()));
            if document.role == CARRIER {
                lineage.executor = executor(document, marked_document, id);
            }
            let layers = own(document, marked_document, id);
            lineage.documents.insert(document.role.clone(), layers);
        }
        lineage
    }

    /// A finished object, with its secrets hidden where there is a say which those are.
    pub(crate) fn object(&self, role: &str, object: &Value, secrets: Option<&Secrets>) -> WrittenObject {
        let mut object = object.clone();
        if let Some(secrets) = secrets {
            hide(secrets, &mut object);
        }
        let text = to_yaml(&object);
        let layers = self.documents.get(role);
        let mut marks = marks(&object, &text, layers);
        if role == CARRIER {
            self.of_carried(&object, &text, &mut marks);
        }
        written(role, &object, text, marks)
    }

    /// An object that Spark's driver will make of the executor pod template, among others.
    pub(crate) fn of_executor(&self, role: &str, object: &Value, secrets: Option<&Secrets>) -> WrittenObject {
        let mut object = object.clone();
        if let Some(secrets) = secrets {
            hide(secrets, &mut object);
        }
        let text = to_yaml(&object);
        let mut marks = marks(&object, &text, Some(&self.executor));
        // What every Pod begins with is Spark's.
        let mut fields = text.lines().zip(marks.iter_mut());
        if let Some((_, mark)) = fields.find(|(line, _)| line.starts_with("kind:")) {
            *mark = None;
        }
        written(role, &object, text, marks)
    }

    /// The lines of the executor pod template within its `ConfigMap`.
    fn of_carried(&self, object: &Value, text: &str, marks: &mut [Option<Mark>]) {
        let Some((key, Value::String(inner))) =
            object["data"].as_object().and_then(|data| data.iter().next())
        else {
            return;
        };
        let Ok(value) = strict::parse_yaml(inner) else {
            return;
        };
        let place = Place::Document;
        let data = Place::Field(&place, "data");
        let start = Lines::of(text).line(&Place::Field(&data, key).to_string());
        let Some(start) = start else { return };
        let of_inner = self::marks(&value, inner, Some(&self.executor));
        let lines: Vec<_> = text.lines().collect();
        for (index, (line, mark)) in inner.lines().zip(of_inner).enumerate() {
            // Only a literal block has the text's own lines.
            if lines
                .get(start + index)
                .is_none_or(|shown| shown.trim() != line.trim())
            {
                return;
            }
            if let Some(place) = marks.get_mut(start + index) {
                *place = mark;
            }
        }
    }
}

fn written(role: &str, object: &Value, text: String, marks: Vec<Option<Mark>>) -> WrittenObject {
    let part = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or("?");
    WrittenObject {
        role: role.to_owned(),
        title: format!("{}/{}", part("/kind"), part("/metadata/name")),
        text,
        marks,
    }
}

/// Hides the secrets of an object, also within the manifest that a `ConfigMap` carries as text.
fn hide(secrets: &Secrets, object: &mut Value) {
    secrets.hide(object);
    if object["kind"] != "ConfigMap" {
        return;
    }
    let Some(Value::Object(data)) = object.get_mut("data") else {
        return;
    };
    for value in data.values_mut() {
        let Some(read) = value.as_str().and_then(|text| strict::parse_yaml(text).ok()) else {
            continue;
        };
        let mut hidden = read.clone();
        secrets.hide(&mut hidden);
        if hidden != read {
            *value = Value::String(to_yaml(&hidden));
        }
    }
}

/// The mark of each line of a YAML text that `to_yaml` or a template wrote for this value.
fn marks(value: &Value, text: &str, layers: Option<&Layers>) -> Vec<Option<Mark>> {
    let lines = Lines::of(text);
    let mut of_line: BTreeMap<usize, (usize, Option<Mark>)> = BTreeMap::new();
    each_field(
        value,
        Place::Document,
        Place::Document,
        &mut |place, identity, value| {
            // `line` would find what is around a field that isn't there; each of these is.
            let Some(line) = lines.line(&place.to_string()) else {
                return;
            };
            let mark = layers.and_then(|layers| layers.mark(&identity.to_string(), value));
            let depth = place.depth();
            // The innermost field of a line is the one that it shows.
            let of_line = of_line.entry(line).or_insert((depth, mark));
            if depth > of_line.0 {
                *of_line = (depth, mark.or(of_line.1));
            }
        },
    );
    let mut last = None;
    let count = text.lines().count();
    (1..=count)
        .map(|line| {
            if let Some((_, mark)) = of_line.get(&line) {
                last = *mark;
            }
            last
        })
        .collect()
}

impl Layers {
    /// The line that a field comes from. A mapping or list with something in it is the template's, even if patches add to it.
    fn mark(&self, identity: &str, value: &Value) -> Option<Mark> {
        let is_leaf = is_leaf(value);
        let base = self.base.0.get(identity);
        let strongest_first = self.patches.iter().rev();
        let patched = strongest_first
            .filter_map(|patch| patch.0.get(identity))
            .find_map(|mark| *mark);
        match (base, patched) {
            (Some(mark), _) if !is_leaf && mark.is_some() => *mark,
            (_, Some(mark)) => Some(mark),
            (mark, None) => mark.copied().flatten(),
        }
    }
}

fn is_leaf(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => true,
    }
}

impl Fields {
    /// The fields of a text that a template wrote, if the marked text is the same without its marks.
    fn of(text: &str, marked: Option<&str>, id: Option<(&str, &str)>) -> Self {
        let mut fields = Self::default();
        let Some(marked) = marked else { return fields };
        let (mut plain, marks) = unmarked(marked);
        if plain != text
            && let Some((of_marked, of_plain)) = id
        {
            plain = plain.replace(of_marked, of_plain);
        }
        if plain != text {
            return fields;
        }
        let Ok(value) = strict::parse_yaml(text) else {
            return fields;
        };
        let lines = Lines::of(text);
        each_field(
            &value,
            Place::Document,
            Place::Document,
            &mut |place, identity, _| {
                let line = lines.line(&place.to_string()).unwrap_or_default();
                let upto = marks.iter().take(line).rev();
                let mark = upto.copied().find_map(|mark| mark);
                fields.0.insert(identity.to_string(), mark);
            },
        );
        fields
    }
}

/// The fields that a document itself has.
fn own(document: &Document, marked: Option<&Document>, id: Option<(&str, &str)>) -> Layers {
    let patches = document.patches.iter().enumerate().map(|(index, patch)| {
        let marked = marked.and_then(|marked| marked.patches.get(index));
        Fields::of(&patch.text, marked.map(|marked| marked.text.as_str()), id)
    });
    Layers {
        base: Fields::of(&document.text, marked.map(|marked| marked.text.as_str()), id),
        patches: patches.collect(),
    }
}

/// The fields of the executor pod template that a document carries.
fn executor(document: &Document, marked: Option<&Document>, id: Option<(&str, &str)>) -> Layers {
    let text = carried(&document.text).unwrap_or_default();
    let marked_text = marked.and_then(|marked| carried(&marked.text));
    let patches = document.carried.iter().flat_map(|carried| &carried.patches);
    let of_marked = marked.and_then(|marked| marked.carried.as_ref());
    let patches = patches.enumerate().map(|(index, patch)| {
        let marked = of_marked.and_then(|marked| marked.patches.get(index));
        Fields::of(&patch.text, marked.map(|marked| marked.text.as_str()), id)
    });
    Layers {
        base: Fields::of(&text, marked_text.as_deref(), id),
        patches: patches.collect(),
    }
}

/// Takes each field and item below a value: its place, its place with items by their names, and its value.
fn each_field(
    value: &Value,
    place: Place<'_>,
    identity: Place<'_>,
    take: &mut dyn FnMut(Place<'_>, Place<'_>, &Value),
) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let (place, identity) = (Place::Field(&place, name), Place::Field(&identity, name));
                take(place, identity, value);
                each_field(value, place, identity, take);
            }
        }
        Value::Array(items) => {
            let mut seen = BTreeMap::<String, usize>::new();
            for (index, item) in items.iter().enumerate() {
                let name = name_of(item).unwrap_or_else(|| index.to_string());
                let count = seen.entry(name.clone()).or_default();
                *count += 1;
                // Variables may come twice.
                let name = format!("{name}#{count}");
                let (place, identity) = (Place::Item(&place, index), Place::Named(&identity, &name));
                take(place, identity, item);
                each_field(item, place, identity, take);
            }
        }
        _ => {}
    }
}

fn name_of(item: &Value) -> Option<String> {
    let field = IDENTITY.iter().find_map(|field| item.get(field))?;
    Some(match field {
        Value::String(text) => format!("={text}"),
        other => format!("={other}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::templates::{Carried, Patch, marked};

    fn document(role: &str, template: usize, text: &str, patches: &[(usize, &str)]) -> (Document, Document) {
        let make = |mark: &dyn Fn(&str, usize) -> String| Document {
            role: role.to_owned(),
            template: "t".to_owned(),
            text: mark(text, template),
            patches: patches
                .iter()
                .map(|(template, text)| Patch {
                    template: "p".to_owned(),
                    text: mark(text, *template),
                    always: false,
                })
                .collect(),
            carried: Some(Carried {
                template: "e".to_owned(),
                patches: Vec::new(),
            }),
        };
        (make(&|text, _| text.to_owned()), make(&marked))
    }

    fn lineage(documents: (Document, Document)) -> Lineage {
        let rendered = |document| Rendered {
            template_set: "default@0".to_owned(),
            documents: vec![document],
            extra_kinds: Vec::new(),
            newer_fields: crate::templates::NewerFields::Refuse,
        };
        Lineage::of(&rendered(documents.0), Some(&rendered(documents.1)))
    }

    #[test]
    fn each_line_leads_to_the_strongest_layer_that_wrote_it() {
        let lineage = lineage(document(
            "pod-driver",
            0,
            "kind: Pod\nmetadata:\n  name: p\n  labels:\n    a: \"1\"\n    b: \"1\"\nspec:\n  containers:\n  - name: main\n    image: i\n",
            &[
                (1, "metadata:\n  labels:\n    b: \"2\"\n    c: \"2\"\n"),
                (
                    2,
                    "metadata:\n  labels:\n    c: \"3\"\nspec:\n  containers:\n  - name: side\n    image: s\n",
                ),
            ],
        ));
        let object = serde_json::json!({
            "kind": "Pod",
            "metadata": {"name": "p", "labels": {"a": "1", "b": "2", "c": "3"}, "annotations": {"native-submit/x": "v"}},
            "spec": {"containers": [{"name": "side", "image": "s"}, {"name": "main", "image": "i"}]},
        });
        let written = lineage.object("pod-driver", &object, None);
        assert_eq!(written.title, "Pod/p");
        let at = |line: &str| {
            let index = written.text.lines().position(|found| found.trim() == line);
            let index = index.unwrap_or_else(|| panic!("{line}: {}", written.text));
            written.marks[index].map(|mark| (mark.template, mark.line))
        };
        for (line, expected) in [
            ("kind: Pod", Some((0, 1))),
            ("labels:", Some((0, 4))),
            ("a: \"1\"", Some((0, 5))),
            ("b: \"2\"", Some((1, 3))),
            ("c: \"3\"", Some((2, 3))),
            ("- image: s", Some((2, 7))),
            ("name: side", Some((2, 6))),
            ("- image: i", Some((0, 10))),
            ("name: main", Some((0, 9))),
            ("native-submit/x: v", None),
        ] {
            assert_eq!(at(line), expected, "{line}");
        }
    }

    #[test]
    fn the_carried_template_leads_to_its_own_lines_and_its_secrets_are_hidden() {
        let (plain, _) = document(
            "configmap-executor-template",
            0,
            "kind: ConfigMap\ndata:\n  k: |\n    spec:\n      containers:\n      - env:\n        - {name: MY_PASSWORD, value: hunter2}\n        name: e\n",
            &[],
        );
        let marked_text = plain.text.replace("spec:", &marked("spec:", 3));
        let marked = Document {
            text: marked_text,
            ..plain.clone()
        };
        let lineage = lineage((plain, marked));
        let object = serde_json::json!({"kind": "ConfigMap", "metadata": {"name": "c"}, "data": {
            "k": "spec:\n  containers:\n  - env:\n    - {name: MY_PASSWORD, value: hunter2}\n    name: e\n",
        }});
        let written = lineage.object("configmap-executor-template", &object, None);
        let line = written
            .text
            .lines()
            .position(|line| line.trim() == "spec:")
            .unwrap();
        assert_eq!(written.marks[line].map(|mark| mark.template), Some(3));
        let hidden = lineage.object("configmap-executor-template", &object, Some(&Secrets::of([])));
        assert!(!hidden.text.contains("hunter2"), "{}", hidden.text);
        assert!(hidden.text.contains("MY_PASSWORD"), "{}", hidden.text);
    }
}
