//! The ways in which an admin can get templates wrong. Each is refused at reload, where the last good set keeps serving, and
//! by `native-submit check`, with a message that points at it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use native_submit::{
    authoring::{
        check::{Checked, check},
        finding::Level,
        probe::probe,
    },
    kubernetes::ObjectKind,
    spark::submission::SubmissionId,
    submitter,
    templates::{Fallback, SetOptions, TemplateStore},
};
use std::{fs, os::unix::fs::symlink, path::Path, sync::Arc};

/// One way to get it wrong.
struct Mistake {
    what: &'static str,
    /// What is in the directory, by path.
    files: Vec<(&'static str, Content)>,
    /// The file that the message names, and the line in it.
    at: (&'static str, Option<usize>),
    /// What it says.
    says: &'static str,
}

/// What is at a path.
enum Content {
    Bytes(Vec<u8>),
    LinkTo(&'static str),
    Folder,
}

fn text(text: impl Into<String>) -> Content {
    Content::Bytes(text.into().into_bytes())
}

fn mistake(
    what: &'static str,
    file: &'static str,
    content: Content,
    line: impl Into<Option<usize>>,
    says: &'static str,
) -> Mistake {
    Mistake {
        what,
        files: vec![(file, content)],
        at: (file, line.into()),
        says,
    }
}

const POD: &str = "driver-pod.yaml.j2";
const PATCH: &str = "driver-pod.patch.yaml.j2";
const SERVICE: &str = "driver-service.yaml.j2";
const BUDGET: &str = "budget.yaml.j2";

/// The driver Pod with a block of its own, which begins on line 2; what is in it on line 3.
fn block(name: &str, inner: &str) -> Content {
    text(format!(
        "{{% extends \"builtin/driver-pod.yaml.j2\" %}}\n{{% block {name} %}}\n{inner}\n{{% endblock %}}\n"
    ))
}

/// An additional object; its metadata is on lines 3 to 5.
fn budget(api_version: &str, kind: &str, namespace: &str, spec: &str) -> Content {
    text(format!(
        "apiVersion: {api_version}\nkind: {kind}\nmetadata:\n  name: {{{{ pod.name }}}}\n  namespace: {namespace}\n{spec}\n"
    ))
}

const OWN: &str = "{{ application.namespace }}";
const SELECTOR: &str = "spec: {maxUnavailable: 0, selector: {matchLabels: {a: b}}}";

fn of_files() -> Vec<Mistake> {
    vec![
        mistake("an empty file", POD, text(" \n"), None, "the file is empty"),
        mistake(
            "not UTF-8",
            POD,
            Content::Bytes(b"a: 1\nb: \xff\n".to_vec()),
            2,
            "not UTF-8, at byte 8",
        ),
        mistake(
            "a dangling symlink",
            POD,
            Content::LinkTo("gone"),
            None,
            "can't be read: no such file or directory",
        ),
        mistake(
            "an unreadable file",
            POD,
            Content::LinkTo(POD),
            None,
            "can't be read: ",
        ),
        mistake(
            "a folder in place of a file",
            POD,
            Content::Folder,
            None,
            "can't be read: is a directory",
        ),
        mistake(
            "a misspelled name",
            "driver-pd.yaml.j2",
            text("a: 1\n"),
            None,
            "did you mean `driver-pod.yaml.j2`?",
        ),
        mistake(
            "a partial by another name",
            "labels.j2",
            text("a: 1\n"),
            None,
            "a partial's name begins with `_`",
        ),
        mistake(
            "a patch of nothing",
            "driver-pd.patch.yaml.j2",
            text("a: 1\n"),
            None,
            "no template has that name; did you mean `driver-pod.patch.yaml.j2`?",
        ),
        mistake(
            "a file of 600 KiB",
            POD,
            text("#".repeat(600 << 10)),
            None,
            "expected at most 524288 bytes in the template, found more",
        ),
        mistake(
            "5,000 tags",
            POD,
            text("{{ pod.name }}\n".repeat(5000)),
            None,
            "expected at most 4000 tags in the template, found more",
        ),
        mistake(
            "a mistake in a named set",
            "gpu/driver-pod.yaml.j2",
            text("a: {{ b\n"),
            1,
            "syntax error",
        ),
    ]
}

fn of_syntax() -> Vec<Mistake> {
    vec![
        mistake(
            "an expression without end",
            POD,
            text("a: 1\nb: {{ pod.name\n"),
            2,
            "syntax error",
        ),
        mistake(
            "a block without end",
            POD,
            text("a: 1\n{% block x %}\n"),
            2,
            "syntax error",
        ),
        mistake(
            "an unknown tag",
            POD,
            block("labels", "{% fro a in b %}"),
            3,
            "unknown statement fro",
        ),
        mistake(
            "a value in quotes",
            POD,
            block("labels", "    a: \"{{ pod.name }}\""),
            3,
            "a value inside quotes",
        ),
        mistake(
            "a value glued to text",
            POD,
            block("labels", "    a: x-{{ pod.name }}"),
            3,
            "~",
        ),
        mistake(
            "escaping turned on",
            POD,
            block("labels", "{% autoescape true %}{% endautoescape %}"),
            3,
            "autoescape",
        ),
        mistake(
            "an unknown filter",
            POD,
            block("labels", "    a: {{ pod.name | uper }}"),
            3,
            "unknown filter",
        ),
        mistake(
            "the filter `safe`",
            POD,
            block("labels", "    a: {{ pod.name | safe }}"),
            3,
            "unknown filter",
        ),
        mistake(
            "an unknown function",
            POD,
            block("labels", "    a: {{ lookup(\"x\") }}"),
            3,
            "lookup is unknown",
        ),
    ]
}

#[allow(clippy::too_many_lines, reason = "a table")]
fn of_rendering() -> Vec<Mistake> {
    let recursive = "{% macro m(n) %}{{ m(n) }}{% endmacro %}\n{{ m(1) }}\n";
    vec![
        mistake(
            "an undefined variable",
            POD,
            block("labels", "    a: {{ application.nmae }}"),
            3,
            "`application.nmae` is undefined",
        ),
        mistake(
            "a misspelled variable that is only asked for",
            POD,
            block("labels", "{% if aplication %}x{% endif %}"),
            3,
            "`aplication` is undefined: unknown variable; did you mean `application`?",
        ),
        mistake(
            "an undefined variable in a branch that is never taken",
            POD,
            block(
                "labels",
                "{% if application.name == \"nobody\" %}{{ application.nmae }}{% endif %}",
            ),
            3,
            "`application.nmae` is undefined: unknown field; did you mean `name`?",
        ),
        mistake(
            "a misspelled field that is only asked for",
            PATCH,
            text(
                "metadata:\n{% for v in pod.volumes %}\n{% if v.hostpath %}{{ refuse(\"no\") }}{% endif %}\n{% endfor %}\n",
            ),
            3,
            "unknown field of Volume; did you mean `hostPath`?",
        ),
        mistake(
            "a field of the context in Kubernetes' spelling",
            PATCH,
            text("{% if pod.serviceAccount %}{{ refuse(\"no\") }}{% endif %}\nmetadata: {}\n"),
            1,
            "unknown field; did you mean `service_account`?",
        ),
        mistake(
            "a misspelled field of what the Pod has beside",
            PATCH,
            text("{% if pod.other_spec.hostnetwork %}{{ refuse(\"no\") }}{% endif %}\nmetadata: {}\n"),
            1,
            "unknown field of PodSpec; did you mean `hostNetwork`?",
        ),
        mistake(
            "a field whose name is made by the template",
            PATCH,
            text(
                "{% if pod.volumes | selectattr(\"host\" ~ \"path\") | list %}{{ refuse(\"no\") }}{% endif %}\nmetadata: {}\n",
            ),
            None,
            "unknown field of Volume",
        ),
        mistake(
            "a misspelled block",
            POD,
            block("lables", "    a: b"),
            2,
            "builtin/driver-pod.yaml.j2 has no block `lables`, so this one would never be written; did you mean `labels`?",
        ),
        mistake(
            "a quantity compared as it is written",
            PATCH,
            text("{% if driver.resources.limits.cpu > 4 %}{{ refuse(\"no\") }}{% endif %}\nmetadata: {}\n"),
            1,
            "use cpu(x), bytes(x) or number(x, default)",
        ),
        mistake(
            "a loop over nothing",
            POD,
            block("labels", "{% for a in pod.lables | items %}{% endfor %}"),
            3,
            "`pod.lables` is undefined",
        ),
        mistake(
            "a wrong type in an expression",
            POD,
            block("labels", "    a: {{ pod.name + 1 }}"),
            3,
            "tried to use + operator",
        ),
        mistake(
            "an endless loop",
            POD,
            block(
                "labels",
                "{% for a in range(99999) %}{% for b in range(99999) %}{{ b }}{% endfor %}{% endfor %}",
            ),
            3,
            "too much work for one document",
        ),
        mistake(
            "10 MiB of output",
            POD,
            block(
                "labels",
                "{% for a in range(10) %}{{ \"x\" * 1048576 }}{% endfor %}",
            ),
            None,
            "the document grew over 4194304 bytes",
        ),
        mistake(
            "a macro that calls itself",
            POD,
            text(recursive),
            1,
            "recursion limit exceeded",
        ),
        Mistake {
            what: "an include cycle",
            files: vec![
                (POD, text("{% include \"_a.j2\" %}\n")),
                ("_a.j2", text("{% include \"_b.j2\" %}\n")),
                ("_b.j2", text("{% include \"_a.j2\" %}\n")),
            ],
            at: ("", Some(1)),
            says: "recursion limit exceeded",
        },
        mistake(
            "a template that extends itself",
            POD,
            text("{% extends \"driver-pod.yaml.j2\" %}\n"),
            1,
            "this template extends itself; write",
        ),
        mistake(
            "an include of nothing",
            POD,
            block("labels", "{% include \"_lables.j2\" %}"),
            3,
            "no such template in this set",
        ),
        mistake(
            "another version of the context",
            POD,
            block("labels", "{{ require_context(99) }}"),
            3,
            "requires another version of the context",
        ),
        mistake(
            "a policy that refuses everything",
            POD,
            block("labels", "{{ refuse(\"no\") }}"),
            3,
            "refused: no",
        ),
    ]
}

#[allow(clippy::too_many_lines, reason = "a table")]
fn of_the_pod() -> Vec<Mistake> {
    let replaced = "    - name: main\n      image: {{ driver.image }}\n      args: {{ driver.args }}";
    vec![
        mistake(
            "too little indentation",
            POD,
            block("labels", "{{ super() }}\n  team: a"),
            4,
            "team: unknown field",
        ),
        mistake(
            "indentation that is no YAML",
            POD,
            block("labels", "{{ super() }}\n     team: a"),
            4,
            "expected valid YAML",
        ),
        mistake(
            "a tab",
            POD,
            block("labels", "{{ super() }}\n\tteam: a"),
            4,
            "expected valid YAML",
        ),
        mistake(
            "the same key twice",
            POD,
            block("labels", "{{ super() }}\n    spark-role: driver"),
            4,
            "duplicate mapping key",
        ),
        mistake(
            "two documents",
            POD,
            block("other", "---\na: 1"),
            None,
            "expected one document",
        ),
        mistake(
            "a misspelled field",
            POD,
            block("other_spec", "  tolerationz: []"),
            3,
            "spec.tolerationz: unknown field",
        ),
        mistake(
            "a wrong type",
            POD,
            block("other_spec", "  terminationGracePeriodSeconds: soon"),
            3,
            "spec.terminationGracePeriodSeconds: expected",
        ),
        mistake(
            "a label that is a number",
            POD,
            block("labels", "{{ super() }}\n    version: 1.10"),
            4,
            "metadata.labels.version: expected a string",
        ),
        mistake(
            "a label that is none",
            POD,
            block("labels", "{{ super() }}\n    team: \"a b\""),
            4,
            "metadata.labels.team: ",
        ),
        mistake(
            "a quantity that is none",
            POD,
            block("limits", "          memory: 1GB"),
            3,
            "limits.memory",
        ),
        mistake(
            "a word that isn't one of its list",
            POD,
            block("image", "      image: a\n      imagePullPolicy: Sometimes"),
            4,
            "imagePullPolicy",
        ),
        mistake(
            "a missing label",
            POD,
            block("labels", "    team: a"),
            None,
            "metadata.labels: expected the label",
        ),
        mistake(
            "a renamed container",
            POD,
            block("driver_container", replaced),
            None,
            "spark-kubernetes-driver",
        ),
        mistake(
            "a removed container",
            POD,
            block("driver_container", ""),
            None,
            "containers",
        ),
        mistake(
            "a removed volume",
            POD,
            block("volumes", ""),
            None,
            "expected the name of a volume in spec.volumes",
        ),
        mistake("removed arguments", POD, block("args", ""), None, "args"),
        mistake(
            "another name",
            POD,
            block(
                "metadata",
                "  name: driver\n  namespace: {{ application.namespace }}",
            ),
            None,
            "metadata.name",
        ),
        mistake(
            "another namespace",
            POD,
            block(
                "metadata",
                "  name: {{ pod.name }}\n  namespace: kube-system\n  labels: {{ pod.labels }}",
            ),
            4,
            "metadata.namespace: expected the submission's",
        ),
        mistake(
            "a made-up owner",
            POD,
            block(
                "owner_references",
                "    - {apiVersion: v1, kind: Pod, name: a, uid: b}",
            ),
            3,
            "owners are set by native-submit",
        ),
        mistake(
            "another kind",
            POD,
            text("apiVersion: v1\nkind: Service\nmetadata: {name: a}\n"),
            2,
            "expected Pod here",
        ),
        mistake(
            "no kind",
            POD,
            text("apiVersion: v1\nmetadata: {name: a}\n"),
            None,
            "found nothing",
        ),
        mistake("no object", POD, text("- a\n"), 1, "expected a Kubernetes object"),
        mistake(
            "no Pod at all",
            POD,
            text("{# nothing #}\n"),
            None,
            "no template wrote the driver Pod",
        ),
    ]
}

/// Blocks that leave out what the built-in template writes there.
fn of_lost_entries() -> Vec<Mistake> {
    const ASKED: &str = "did you forget {{ super() }}?";
    let empty = |name: &str| {
        text(format!(
            "{{% extends \"builtin/driver-pod.yaml.j2\" %}}\n\n{{% block {name} %}}{{% endblock %}}\n"
        ))
    };
    vec![
        mistake(
            "labels without super()",
            POD,
            block("labels", "    cost: \"1\""),
            2,
            ASKED,
        ),
        mistake("no variables", POD, empty("env"), 3, ASKED),
        mistake("no volumes", POD, empty("volumes"), 3, ASKED),
        mistake("no mounts", POD, empty("volume_mounts"), 3, ASKED),
        mistake("no container", POD, empty("driver_container"), 3, ASKED),
        mistake(
            "labels of the executors",
            "executor-pod.yaml.j2",
            text(
                "{% extends \"builtin/executor-pod.yaml.j2\" %}\n{% block labels %}\n    a: b\n{% endblock %}\n",
            ),
            None,
            "",
        ),
        mistake(
            "an empty section",
            PATCH,
            text("spec:\nnodeName: a\n"),
            1,
            "`spec:` is empty: indent the lines",
        ),
        mistake(
            "another object",
            SERVICE,
            text("{% extends \"builtin/driver-pod.yaml.j2\" %}\n"),
            1,
            "did you mean builtin/driver-service.yaml.j2?",
        ),
        mistake(
            "what a built-in template reads is another thing",
            POD,
            block("labels", "{% set pod = {\"labels\": 3} %}{{ super() }}"),
            3,
            "invalid operation",
        ),
        mistake(
            "a key twice",
            POD,
            block("other_spec", "  restartPolicy: Never"),
            3,
            "duplicate mapping key",
        ),
    ]
}

#[allow(clippy::too_many_lines, reason = "a table")]
fn of_other_objects() -> Vec<Mistake> {
    vec![
        mistake(
            "a Service that selects nothing",
            SERVICE,
            text(
                "{% extends \"builtin/driver-service.yaml.j2\" %}\n{% block spec %}\n  clusterIP: None\n  selector: {a: b}\n  ports: {{ service.ports }}\n{% endblock %}\n",
            ),
            4,
            "spec.selector",
        ),
        mistake(
            "properties that are gone",
            "driver-configmap.yaml.j2",
            text(
                "{% extends \"builtin/driver-configmap.yaml.j2\" %}\n{% block data %}\n  a: b\n{% endblock %}\n",
            ),
            None,
            "spark.properties",
        ),
        mistake(
            "a misspelled field of the executors",
            "executor-pod.yaml.j2",
            text(
                "{% extends \"builtin/executor-pod.yaml.j2\" %}\n{% block other_spec %}\n  nodeSelecter: {a: b}\n{% endblock %}\n",
            ),
            3,
            "spec.nodeSelecter: unknown field",
        ),
        mistake(
            "a patch that is a list",
            PATCH,
            text("- a\n"),
            None,
            "expected a mapping: the part of the object that the patch changes",
        ),
        mistake(
            "a patch that is no YAML",
            PATCH,
            text("spec: [\n"),
            None,
            "expected valid YAML",
        ),
        mistake(
            "a misspelled field in a patch",
            PATCH,
            text("spec:\n  priorityClass: high\n"),
            2,
            "spec.priorityClass: unknown field",
        ),
        mistake(
            "an item without its name",
            PATCH,
            text("spec:\n  containers:\n    - image: a\n"),
            3,
            "expected a `name`, by which the items of this list are known",
        ),
        mistake(
            "a patch of a container that isn't there",
            PATCH,
            text("spec:\n  containers:\n    - name: driver\n      tty: true\n"),
            None,
            "image: expected a value, found nothing",
        ),
        mistake(
            "a patch that removes a volume",
            PATCH,
            text("spec:\n  volumes:\n    - name: spark-conf-volume-driver\n      $patch: delete\n"),
            None,
            "expected the driver container to mount spark.properties",
        ),
        mistake(
            "an unknown directive",
            PATCH,
            text("spec:\n  $retainKeys: [a]\n"),
            None,
            "expected `$patch: delete` or",
        ),
        mistake(
            "an additional object of a kind that isn't allowed",
            BUDGET,
            budget("v1", "ConfigMap", OWN, "data: {}"),
            2,
            "kind: expected one of PodDisruptionBudget (ALLOWED_EXTRA_KINDS)",
        ),
        mistake(
            "a further Pod",
            BUDGET,
            budget("v1", "Pod", OWN, "spec: {}"),
            2,
            "ALLOWED_EXTRA_KINDS",
        ),
        mistake(
            "an additional object of an old version",
            BUDGET,
            budget("policy/v1beta1", "PodDisruptionBudget", OWN, SELECTOR),
            1,
            "expected policy/v1",
        ),
        mistake(
            "an additional object elsewhere",
            BUDGET,
            budget("policy/v1", "PodDisruptionBudget", "kube-system", SELECTOR),
            5,
            "metadata.namespace: expected the submission's",
        ),
        mistake(
            "a misspelled field of an additional object",
            BUDGET,
            budget(
                "policy/v1",
                "PodDisruptionBudget",
                OWN,
                "spec: {maxUnavailabel: 0, selector: {}}",
            ),
            6,
            "spec.maxUnavailabel: unknown field",
        ),
    ]
}

const LABEL: &str = "expected a label key";
const ANNOTATION: &str = "expected an annotation key";

/// Keys that no label, annotation or file may have, in patches of the driver.
fn of_keys() -> Vec<Mistake> {
    vec![
        mistake(
            "a label's key in a patch",
            PATCH,
            text("metadata:\n  labels:\n    team: a\n    \"a b\": c\n"),
            4,
            LABEL,
        ),
        mistake(
            "a label's key in a patch of one line",
            PATCH,
            text("metadata: {labels: {\"a b\": x}}\n"),
            1,
            LABEL,
        ),
        mistake(
            "a label's key that is long and needs no quotes",
            PATCH,
            text(format!("metadata:\n  labels:\n    {}: c\n", "x".repeat(64))),
            3,
            LABEL,
        ),
        mistake(
            "an annotation's key in a patch",
            PATCH,
            text("metadata:\n  annotations:\n    \"a/b/c\": d\n"),
            3,
            ANNOTATION,
        ),
        mistake(
            "a node label's key in a patch",
            PATCH,
            text("spec:\n  nodeSelector:\n    disk: ssd\n    \"-a\": b\n"),
            4,
            LABEL,
        ),
        mistake(
            "a label's key that a patch makes",
            PATCH,
            text("metadata:\n  labels:\n{% for key in [\"a\", \"b c\"] %}\n    {{ key }}: d\n{% endfor %}\n"),
            4,
            LABEL,
        ),
    ]
}

/// The same in templates and patches of executors and of other objects, and in `always/`.
fn of_keys_elsewhere() -> Vec<Mistake> {
    let executor = "executor-pod.patch.yaml.j2";
    let labels = "{% extends \"builtin/executor-pod.yaml.j2\" %}\n{% block metadata %}\n  labels:\n    \"a b\": c\n{% endblock %}\n";
    let budget = "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata:\n  name: {{ pod.name }}\n  namespace: {{ application.namespace }}\n  labels:\n    \"a b\": c\nspec: {maxUnavailable: 0, selector: {matchLabels: {a: b}}}\n";
    vec![
        mistake(
            "a label's key in a patch of executors",
            executor,
            text("metadata:\n  labels:\n    \"a b\": c\n"),
            3,
            LABEL,
        ),
        mistake(
            "an annotation's key in a patch of executors",
            executor,
            text("metadata:\n  annotations:\n    \"a b\": c\n"),
            3,
            ANNOTATION,
        ),
        mistake(
            "a node label's key in a patch of executors",
            executor,
            text("spec:\n  nodeSelector:\n    \"a b\": c\n"),
            3,
            LABEL,
        ),
        mistake(
            "a label's key in a patch of always/",
            "always/driver-pod.patch.yaml.j2",
            text("metadata:\n  labels:\n    \"a b\": c\n"),
            3,
            LABEL,
        ),
        mistake(
            "a label's key in a patch of another object",
            "driver-service.patch.yaml.j2",
            text("metadata:\n  labels:\n    \"a b\": c\n"),
            3,
            LABEL,
        ),
        mistake(
            "a label's key in the executors' template",
            "executor-pod.yaml.j2",
            text(labels),
            4,
            LABEL,
        ),
        mistake(
            "a label's key of a further object",
            BUDGET,
            text(budget),
            7,
            LABEL,
        ),
        mistake(
            "a file's name in a ConfigMap",
            "driver-configmap.patch.yaml.j2",
            text("data:\n  \"a b\": c\n"),
            2,
            "expected a key of at most 253",
        ),
    ]
}

fn put(directory: &Path, name: &str, content: &Content) {
    let path = directory.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    match content {
        Content::Bytes(bytes) => fs::write(path, bytes).unwrap(),
        Content::LinkTo(target) => symlink(target, path).unwrap(),
        Content::Folder => fs::create_dir(path).unwrap(),
    }
}

/// Empties the directory.
fn clear(directory: &Path) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.is_symlink() {
            fs::remove_dir_all(path).unwrap();
        } else {
            fs::remove_file(path).unwrap();
        }
    }
}

fn options(directory: &Path) -> SetOptions {
    SetOptions {
        directory: Some(directory.to_owned()),
        extra_kinds: vec![ObjectKind::known("PodDisruptionBudget").unwrap()],
        ..SetOptions::default()
    }
}

const GOOD: &str = "    example.com/mark: good";

/// Whether the set that serves is the good one.
fn serves_the_good_set(store: &TemplateStore) -> bool {
    let (name, text) = submitter::samples().next().unwrap();
    let parsed = native_submit::operator::application::parse(
        text,
        native_submit::operator::application::UnknownFields::Refuse,
    )
    .expect(name);
    let context = native_submit::spark::submission::SubmitterContext::golden();
    let origin = native_submit::operator::Origin {
        webhook: native_submit::operator::Webhook::Off,
        operator: false,
        unknown_fields: native_submit::spark::submission::UnknownFields::Refuse,
    };
    let submission = submitter::intent(parsed.application, SubmissionId::nil(), origin, &context).unwrap();
    let manifests = submitter::manifests_by(&submission, &context, &store.current()).unwrap();
    manifests.driver_pod.value["metadata"]["annotations"]["example.com/mark"] == "good"
}

/// What is wrong with how `check` tells of a mistake.
fn not_told(mistake: &Mistake, checked: &Checked, directory: &Path) -> Option<String> {
    let (file, line) = mistake.at;
    let path = directory.join(file).display().to_string();
    let told = checked.findings.iter().any(|finding| {
        finding.level() == Level::Error
            && finding.file.starts_with(&path)
            && (line.is_none() || finding.line == line)
            && finding.message.contains(mistake.says)
    });
    (!told).then(|| {
        let findings = checked.findings.iter();
        let findings: Vec<_> = findings
            .map(|finding| format!("    {}:{:?}: {}", finding.file, finding.line, finding.message))
            .collect();
        format!(
            "{}: check says\n{}\n  and not {:?} {}",
            mistake.what,
            findings.join("\n"),
            mistake.at,
            mistake.says
        )
    })
}

/// The places that `check` names and the log and `/readyz` don't, and what it asks and they don't.
fn told_elsewhere(mistake: &Mistake, checked: &Checked, directory: &Path, error: &str) -> Vec<String> {
    const ASKED: &str = "did you forget {{ super() }}?";
    let errors = checked.findings.iter();
    let errors = errors.filter(|finding| finding.level() == Level::Error);
    let differing = errors.filter(|finding| {
        let file = finding.file.strip_prefix(directory.to_str().unwrap());
        let file = file.unwrap_or(&finding.file).trim_start_matches('/');
        let line = finding.line.map(|line| format!(":{line}")).unwrap_or_default();
        !error.contains(&format!("{file}{line}"))
            || finding.message.contains(ASKED) && error.matches(ASKED).count() != 1
    });
    let differing = differing.map(|finding| {
        format!(
            "{}: check says\n    {}:{:?}: {}\n  and reload\n    {error}",
            mistake.what, finding.file, finding.line, finding.message
        )
    });
    differing.collect()
}

fn each(mistakes: Vec<Mistake>) {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let good = block("annotations", GOOD);
    put(directory, POD, &good);
    let store = TemplateStore::start(options(directory), Arc::new(probe), Fallback::Refuse);
    assert!(serves_the_good_set(&store), "{:?}", store.status());
    let mut wrong = Vec::new();
    for mistake in mistakes {
        clear(directory);
        if !mistake.files.iter().any(|(name, _)| *name == POD) {
            put(directory, POD, &good);
        }
        for (name, content) in &mistake.files {
            put(directory, name, content);
        }
        store.reload();
        let error = store.status().last_error.unwrap_or_default();
        let file = mistake.at.0;
        // What a template says when it refuses is for those who may see its text: not at `/readyz`.
        let says = if mistake.says.starts_with("refused: ") {
            "refused by the template"
        } else {
            mistake.says
        };
        // A line is given wherever check has one, and a place that differs by set only is no place.
        let place = match mistake.at.1 {
            Some(line) if !file.is_empty() => format!("{file}:{line}"),
            _ => file.to_owned(),
        };
        if !error.contains(says) || !error.contains(&place) {
            wrong.push(format!(
                "{}: reload says\n    {error}\n  and not {place} {}",
                mistake.what, mistake.says
            ));
        }
        if !serves_the_good_set(&store) {
            wrong.push(format!("{}: the last good set doesn't serve", mistake.what));
        }
        let checked = check(directory, &options(directory), Vec::new()).unwrap();
        wrong.extend(not_told(&mistake, &checked, directory));
        wrong.extend(told_elsewhere(&mistake, &checked, directory, &error));
        clear(directory);
        put(directory, POD, &good);
        store.reload();
        if store.status().last_error.is_some() {
            wrong.push(format!("{}: fixed, and not accepted", mistake.what));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn mistakes_with_files_are_reported() {
    each(of_files());
}

#[test]
fn mistakes_of_syntax_are_reported() {
    each(of_syntax());
}

#[test]
fn mistakes_that_rendering_finds_are_reported() {
    each(of_rendering());
}

#[test]
fn mistakes_in_the_pod_are_reported() {
    each(of_the_pod());
}

#[test]
fn keys_that_are_no_names_are_reported_where_they_are_written() {
    each(of_keys());
    each(of_keys_elsewhere());
}

#[test]
fn mistakes_in_other_objects_are_reported() {
    each(of_other_objects());
}

#[test]
fn blocks_that_lose_entries_are_reported_as_check_does() {
    each(of_lost_entries());
}

#[test]
fn there_are_many_ways() {
    let groups = [
        of_files(),
        of_syntax(),
        of_rendering(),
        of_the_pod(),
        of_other_objects(),
    ];
    let count: usize = groups.iter().map(Vec::len).sum();
    assert!(count >= 60, "{count}");
}
