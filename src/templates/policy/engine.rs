//! The engine of policies: compiled apart from the templates that write objects, for they see other things.

use super::{Exemption, Finished, Judgement, NamespaceFacts, PolicyError, PolicyMode, PolicyName, Verdict};
use crate::kubernetes::ObjectKind;
use crate::templates::{
    TemplateError, TemplateErrorKind, analysis,
    environment::environment,
    error::Cause,
    escape,
    filters::admins_words,
    markup,
    sources::Sources,
    typed,
    writing::{MOST_TIME, Writing},
};
use minijinja::{
    Environment, Error,
    value::{Enumerator, Object, Rest, Value},
};
use serde::{Deserialize, Serialize};
use std::{
    cell::RefCell,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// The most refusals of one policy about one submission, and the most warnings; each may have 500 characters. They are counted
/// apart: an author whose application is warned of often must not keep its refusal from being recorded.
const MOST_VERDICTS: usize = 20;

/// How a policy begins that is tried out on submissions before it refuses any.
const MODE: &str = "# mode:";

/// What a policy sees.
const CONTEXT: [&str; 8] = [
    "config_maps",
    "driver",
    "executor",
    "namespace",
    "objects",
    "service",
    "submission",
    "unknown_fields",
];

thread_local! {
    /// What the policy that runs on this thread has said so far. A macro that another file defines has no other way to its user.
    static SAID: RefCell<Option<Vec<Said>>> = const { RefCell::new(None) };
}

/// What a policy said once.
#[derive(Debug)]
struct Said {
    refuses: bool,
    text: String,
    /// The template that said so, and the line in it.
    at: Option<(String, usize)>,
}

/// The policies of a set.
#[derive(Debug)]
pub(in crate::templates) struct Policies {
    pub(in crate::templates) environment: Environment<'static>,
    all: Vec<Policy>,
    /// How many calls of `refuse` and `warn` have a name of their own.
    calls: usize,
}

#[derive(Debug)]
struct Policy {
    /// As the engine knows it.
    name: String,
    mode: PolicyMode,
    /// The namespaces that are exempt from it.
    exempt: Vec<Exemption>,
}

impl Policy {
    fn exempt_in(&self, namespace: &str) -> Option<&Exemption> {
        self.exempt.iter().find(|exempt| exempt.namespace == namespace)
    }
}

impl Policies {
    pub(in crate::templates) fn new() -> Self {
        let mut environment = environment();
        environment.set_formatter(escape::write_as_text);
        environment.add_function("refuse", |Rest(said): Rest<Value>| say(true, &said, None));
        environment.add_function("warn", |Rest(said): Rest<Value>| say(false, &said, None));
        Self {
            environment,
            all: Vec::new(),
            calls: 0,
        }
    }

    /// The policies, as the engine knows them.
    pub(in crate::templates) fn names(&self) -> impl Iterator<Item = &str> {
        self.all.iter().map(|policy| policy.name.as_str())
    }

    /// Compiles a policy or a partial. Each of its calls of `refuse` and `warn` knows its line.
    pub(in crate::templates) fn add(&mut self, name: &str, source: &str) -> Result<(), Error> {
        let text = analysis::prepared(&self.environment, name, source);
        let (text, calls) = analysis::numbered(&self.environment, name, &text, self.calls);
        self.calls += calls.len();
        for (function, site) in calls {
            let (refuses, at) = (site.function == "refuse", (name.to_owned(), site.line));
            self.environment
                .add_function(function, move |Rest(said): Rest<Value>| {
                    say(refuses, &said, Some(at.clone()))
                });
        }
        self.environment.add_template_owned(name.to_owned(), text)
    }

    pub(in crate::templates) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Adds a policy that the environment has under this name.
    pub(in crate::templates) fn push(&mut self, name: String, mode: PolicyMode) {
        let exempt = Vec::new();
        self.all.push(Policy { name, mode, exempt });
    }

    /// Exempts namespaces from the policy of this name.
    pub(in crate::templates) fn exempt(&mut self, name: &str, namespaces: &[Exemption]) {
        for policy in self.all.iter_mut().filter(|policy| policy.name == name) {
            namespaces.clone_into(&mut policy.exempt);
        }
    }

    /// Whether a policy, or a partial, reads anything of the namespace beside its name.
    pub(in crate::templates) fn reads_namespace(&self) -> bool {
        let reads = |(_, template): (&str, minijinja::Template<'_, '_>)| {
            template.undeclared_variables(false).contains("namespace")
        };
        !self.is_empty() && self.environment.templates().any(reads)
    }

    /// Each policy as messages call it.
    pub(in crate::templates) fn listed(&self, sources: &Sources) -> Vec<PolicyName> {
        let all = self.all.iter();
        all.map(|policy| PolicyName {
            policy: sources.full_name(&policy.name),
            mode: policy.mode,
        })
        .collect()
    }

    /// What each policy says of a submission. `writes` gets the name of each policy before it runs.
    pub(in crate::templates) fn judge(
        &self,
        sources: &Sources,
        finished: &Finished,
        writes: &dyn Fn(&str),
    ) -> Judgement {
        self.judge_within(sources, finished, writes, MOST_TIME)
    }

    fn judge_within(
        &self,
        sources: &Sources,
        finished: &Finished,
        writes: &dyn Fn(&str),
        time: Duration,
    ) -> Judgement {
        let mut judgement = Judgement::default();
        if self.is_empty() {
            return judgement;
        }
        let read = Arc::new(Read::default());
        let seen = Value::from_object(Seen {
            value: context(finished, &read),
            read: Arc::clone(&read),
        });
        let start = Instant::now();
        for policy in &self.all {
            let shown = sources.full_name(&policy.name);
            let exempt = policy.exempt_in(&finished.submission.namespace);
            read.forget();
            SAID.set(Some(Vec::new()));
            let writing = Writing {
                environment: &self.environment,
                sources,
                writes,
                start,
                time,
            };
            let written = writing.write(&policy.name, &seen);
            let said = SAID.take().unwrap_or_default();
            let verdict = |said: Said| Verdict {
                policy: shown.clone(),
                // A partial's lines are not the policy's.
                line: said
                    .at
                    .filter(|(name, _)| *name == policy.name)
                    .map(|(_, line)| line),
                refuses: said.refuses,
                mode: policy.mode,
                exempt: exempt.cloned(),
                text: said.text,
            };
            if let Some(unknown) = read.of_unknown_namespace(finished) {
                // What it said, it said without knowing.
                judgement.errors.push(PolicyError {
                    error: TemplateError::new(TemplateErrorKind::Render, &shown, unknown),
                    policy: shown,
                    mode: policy.mode,
                    exempt: exempt.cloned(),
                });
                continue;
            }
            judgement.verdicts.extend(said.into_iter().map(verdict));
            if let Some(unknown) = read.of_what_is_unknown(finished) {
                judgement.verdicts.push(verdict(Said {
                    refuses: true,
                    text: unknown,
                    at: None,
                }));
                continue;
            }
            let error = match written {
                Ok(text) if text.trim().is_empty() => continue,
                Ok(_) => TemplateError::new(TemplateErrorKind::Render, &shown, WRITES),
                Err(error) => error,
            };
            judgement.errors.push(PolicyError {
                policy: shown,
                mode: policy.mode,
                exempt: exempt.cloned(),
                error,
            });
        }
        judgement
    }
}

impl std::fmt::Display for super::NoExecutor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "executor Pod: expected one that can be known before the driver runs, because a policy reads it; {}",
            self.0
        )
    }
}

const WRITES: &str =
    "a policy writes nothing: only refuse(\"text\") and warn(\"text\") have an effect, and it wrote text";

/// Records what a policy says. Prints nothing.
fn say(refuses: bool, arguments: &[Value], at: Option<(String, usize)>) -> Result<Value, Error> {
    let text = admins_words(if refuses { "refuse" } else { "warn" }, arguments)?;
    SAID.with_borrow_mut(|said| {
        let Some(said) = said else {
            return Err(Cause::Invalid.into());
        };
        let alike = || said.iter().filter(|known| known.refuses == refuses);
        // What is said of each of many volumes alike is said once.
        if alike().count() < MOST_VERDICTS && alike().all(|known| known.text != text) {
            said.push(Said { refuses, text, at });
        }
        Ok(Value::from_safe_string(String::new()))
    })
}

/// What policies see, by name. A misspelled field is an error, however it is read.
fn context(finished: &Finished, read: &Arc<Read>) -> Value {
    let nothing = serde_json::Value::Null;
    let role = |role: &str| {
        let mut of_role = finished.objects.iter().filter(|(known, _)| known == role);
        of_role.next().map_or(&nothing, |(_, object)| object)
    };
    let objects = || finished.objects.iter().map(|(_, object)| object);
    let config_maps =
        objects().filter(|object| ObjectKind::of(object).is_some_and(|kind| kind.name() == "ConfigMap"));
    // An unknown variable is found when the policy is loaded; functions have names of their own here.
    minijinja::context! {
        driver => typed::value("Pod", role("pod-driver")),
        executor => typed::value("Pod", finished.executor.as_ref().unwrap_or(&nothing)),
        service => typed::value("Service", role("service-driver")),
        config_maps => config_maps.map(typed::object).collect::<Vec<_>>(),
        objects => objects().map(typed::object).collect::<Vec<_>>(),
        submission => typed::record(&finished.submission),
        namespace => seen_namespace(finished, read),
        unknown_fields => seen_unknown_fields(finished, read),
    }
}

/// Fields of the Pods that Kubernetes' types here don't have, by path.
#[derive(Serialize, Deserialize)]
struct UnknownFields {
    driver: Vec<String>,
    executor: Vec<String>,
}

/// Which of the Pods a policy looked at.
#[derive(Debug, Default)]
struct Read {
    driver: AtomicBool,
    executor: AtomicBool,
    /// Labels or annotations of the namespace.
    namespace: AtomicBool,
}

impl Read {
    fn note(&self, variable: &str) {
        match variable {
            "driver" | "objects" => self.driver.store(true, Ordering::Relaxed),
            "executor" => self.executor.store(true, Ordering::Relaxed),
            _ => {}
        }
    }

    fn forget(&self) {
        self.driver.store(false, Ordering::Relaxed);
        self.executor.store(false, Ordering::Relaxed);
        self.namespace.store(false, Ordering::Relaxed);
    }

    /// The error where a policy read of the namespace what isn't known.
    fn of_unknown_namespace(&self, finished: &Finished) -> Option<String> {
        let unknown = finished.namespace.as_ref().err()?;
        self.namespace
            .load(Ordering::Relaxed)
            .then(|| unknown.to_string())
    }

    /// The refusal where a policy looked at a Pod that isn't known: what it would have seen could be less than what will run.
    fn of_what_is_unknown(&self, finished: &Finished) -> Option<String> {
        let (driver, executor) = (
            self.driver.load(Ordering::Relaxed),
            self.executor.load(Ordering::Relaxed),
        );
        match (&finished.without_webhook, &finished.executor) {
            (Some(why), _) if driver || executor => Some(format!(
                "{} Pod: expected one whose additions by the operator's webhook are known, because a policy reads it; {why}",
                if driver { "driver" } else { "executor" }
            )),
            (_, Err(unknown)) if executor => Some(unknown.to_string()),
            _ => None,
        }
    }
}

/// The namespace, which notes whether more is read of it than whether it is known.
fn seen_namespace(finished: &Finished, read: &Arc<Read>) -> Value {
    let facts = match &finished.namespace {
        Ok(metadata) => NamespaceFacts {
            known: true,
            labels: metadata.labels.clone(),
            annotations: metadata.annotations.clone(),
        },
        Err(_) => NamespaceFacts::default(),
    };
    Value::from_object(SeenRecord {
        record: typed::record(&facts),
        fields: &["annotations", "known", "labels"],
        read: Arc::clone(read),
        note: |read, field| {
            if field != "known" {
                read.namespace.store(true, Ordering::Relaxed);
            }
        },
    })
}

/// The unknown fields of both Pods, which note whose a policy looks at: those of a Pod that isn't known aren't known either.
fn seen_unknown_fields(finished: &Finished, read: &Arc<Read>) -> Value {
    let unknown_fields = UnknownFields {
        driver: finished.unknown_of_driver.clone(),
        executor: finished.unknown_of_executor.clone(),
    };
    Value::from_object(SeenRecord {
        record: typed::record(&unknown_fields),
        fields: &["driver", "executor"],
        read: Arc::clone(read),
        note: Read::note,
    })
}

/// A record that notes which of its fields a policy looks at; who lists them looks at all.
#[derive(Debug)]
struct SeenRecord {
    record: Value,
    fields: &'static [&'static str],
    read: Arc<Read>,
    note: fn(&Read, &str),
}

impl Object for SeenRecord {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        (self.note)(&self.read, key.as_str().unwrap_or_default());
        let value = self.record.get_item(key).ok()?;
        (!value.is_undefined()).then_some(value)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        self.fields
            .iter()
            .for_each(|field| (self.note)(&self.read, field));
        Enumerator::Str(self.fields)
    }
}

/// The context, which notes what a policy looks at.
#[derive(Debug)]
struct Seen {
    value: Value,
    read: Arc<Read>,
}

impl Object for Seen {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        if let Some(name) = key.as_str() {
            self.read.note(name);
        }
        let value = self.value.get_item(key).ok()?;
        (!value.is_undefined()).then_some(value)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let keys = CONTEXT.iter().map(|name| Value::from(*name));
        Enumerator::Values(keys.collect())
    }
}

/// The mode that a policy's first line says, and its text without that line; else what is wrong in line 1.
pub(in crate::templates) fn mode(text: &str) -> Result<(PolicyMode, String), String> {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let Some(mode) = first.trim_end().strip_prefix(MODE) else {
        return Ok((PolicyMode::Enforce, text.to_owned()));
    };
    // The line stays, so that others keep their numbers.
    match mode.trim() {
        "audit" => Ok((PolicyMode::Audit, format!("\n{rest}"))),
        "enforce" => Ok((PolicyMode::Enforce, format!("\n{rest}"))),
        other => Err(format!(
            "the mode of a policy: expected `audit` or `enforce`, found {}",
            crate::redaction::shown(other)
        )),
    }
}

/// What is wrong with a policy's text before it ever runs: it writes something.
pub(in crate::templates) fn written(shown: &str, source: &str) -> Option<TemplateError> {
    let line = markup::first_written(source)?;
    let error = TemplateError::new(TemplateErrorKind::Syntax, shown, WRITES);
    Some(error.at(source, line, None))
}

#[cfg(test)]
mod tests;
