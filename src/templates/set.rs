//! A template set: the built-in templates and an admin's files, compiled once, never changed.

use super::{
    Finished, Judgement, LoadError, PolicyName, Rendered, TemplateError, TemplateErrorKind, builtin,
    compiled::Compiled,
    files::{self, Files},
    parts::{DEFAULT_SET, Parts, Source},
    render,
    worker::{Pool, RenderError},
};
use crate::spark::plan::DriverPlan;
use std::{collections::BTreeMap, sync::Arc};

/// The templates by which an admin has a say in executors: of their pod template, and of the `ConfigMap` that carries it. A partial
/// changes nothing without one of these that includes it, for the built-in ones include none.
const OF_EXECUTORS: [&str; 2] = [builtin::EXECUTOR_POD, builtin::EXECUTOR_CONFIG_MAP];

/// The built-in templates together with an admin's overrides, patches and additional objects.
///
/// All documents of a submission come from one set. A set is immutable; a changed file makes another one.
#[derive(Debug)]
pub struct TemplateSet {
    source: Arc<Source>,
    warnings: Vec<String>,
    policies: Vec<PolicyName>,
    reads_namespace: bool,
    engine: Engine,
}

/// Where a set is rendered.
#[derive(Debug)]
enum Engine {
    /// In this process.
    Here(Box<Compiled>),
    /// In render workers, which compile it themselves.
    Workers(Arc<Pool>),
}

impl TemplateSet {
    /// The set without overrides.
    pub fn builtin() -> Result<Self, LoadError> {
        Self::load(&BTreeMap::new())
    }

    /// A default set with overrides and patches: `files` by name, as they are in the `ConfigMap`.
    ///
    /// A name that a built-in template has overrides it; the built-in one stays in reach as
    /// `builtin/<name>`. `<name>.patch.yaml.j2` is merged onto what the template `<name>.yaml.j2` wrote. A name that
    /// begins with `_` is a partial for `include` and `import`. Any other name that ends in `.j2` is an error, and
    /// what doesn't end so is ignored with a warning.
    pub fn load(files: &BTreeMap<String, Vec<u8>>) -> Result<Self, LoadError> {
        Self::load_parts(Parts {
            name: DEFAULT_SET,
            files,
            default: &Files::new(),
            always: &Files::new(),
            extra_kinds: &[],
            newer_fields: crate::templates::NewerFields::Refuse,
        })
    }

    /// A set of any name, in this process. A further `*.yaml.j2` writes an additional object where `extra_kinds` has any.
    pub(crate) fn load_parts(parts: Parts<'_>) -> Result<Self, LoadError> {
        let mut compiled = Compiled::load(parts, &|_| ())?;
        Ok(Self {
            source: Arc::new(Source::of(parts)),
            warnings: std::mem::take(&mut compiled.warnings),
            policies: compiled.policies.listed(&compiled.sources),
            reads_namespace: compiled.policies.reads_namespace(),
            engine: Engine::Here(Box::new(compiled)),
        })
    }

    /// The same, in render workers if there are any and the set has an admin's file.
    pub(crate) fn load_in(parts: Parts<'_>, workers: Option<&Arc<Pool>>) -> Result<Self, LoadError> {
        let Some(workers) = workers.filter(|_| !parts.is_builtin()) else {
            return Self::load_parts(parts);
        };
        let source = Arc::new(Source::of(parts));
        let loaded = workers.load(&source)?;
        Ok(Self {
            warnings: loaded.warnings,
            policies: loaded.policies,
            reads_namespace: loaded.reads_namespace,
            source,
            engine: Engine::Workers(Arc::clone(workers)),
        })
    }

    /// The same set, rendered in other workers from now on, if it is rendered in workers at all.
    pub(super) fn moved_to(self, workers: Option<&Arc<Pool>>) -> Self {
        let engine = match (self.engine, workers) {
            (Engine::Workers(_), Some(workers)) => Engine::Workers(Arc::clone(workers)),
            (engine, _) => engine,
        };
        Self { engine, ..self }
    }

    /// Its name and content hash: `default@0123456789ab`. Equal ids mean equal templates, built-in ones included.
    pub fn id(&self) -> &str {
        self.source.id()
    }

    /// What is odd about the files but not wrong.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// What it is made of.
    pub(crate) fn parts(&self) -> Parts<'_> {
        self.source.parts()
    }

    /// The workers that render it; none where that happens in this process.
    pub(crate) fn workers(&self) -> Option<&Arc<Pool>> {
        match &self.engine {
            Engine::Here(_) => None,
            Engine::Workers(workers) => Some(workers),
        }
    }

    /// Its own files.
    pub(crate) fn files(&self) -> &Files {
        self.source.files()
    }

    /// The roles of the additional objects that its files write.
    pub(crate) fn extra_roles(&self) -> Vec<String> {
        let Parts { files, default, .. } = self.source.parts();
        let names = files.keys().chain(default.keys());
        names.filter_map(|name| files::extra_role(name)).collect()
    }

    /// Whether an admin's file has a say in the executors' pod template.
    pub(crate) fn changes_executors(&self) -> bool {
        let layers = self.source.parts().layers();
        let has = |name: &str| layers.iter().any(|layer| layer.files.contains_key(name));
        OF_EXECUTORS
            .iter()
            .any(|template| has(template) || has(&files::patch_of(template)))
    }

    /// Whether it has policies, so that finished objects are to be judged.
    pub fn has_policies(&self) -> bool {
        !self.policies.is_empty()
    }

    /// Its policies, in the order in which they run.
    pub fn policies(&self) -> &[PolicyName] {
        &self.policies
    }

    /// Whether a policy reads labels or annotations of the namespace, so that they are to be looked up.
    pub fn reads_namespace(&self) -> bool {
        self.reads_namespace
    }

    /// Its name: `default`.
    pub fn name(&self) -> &str {
        self.source.name()
    }

    /// Whether it is rendered in this process, at once.
    pub(crate) fn is_here(&self) -> bool {
        matches!(self.engine, Engine::Here(_))
    }

    /// Writes all documents of one submission. Blocks where that happens in a render worker.
    pub fn render(&self, plan: &DriverPlan) -> Result<Rendered, TemplateError> {
        if let Engine::Here(compiled) = &self.engine {
            return render::documents(compiled, plan, &|_| ());
        }
        let rendered = futures::executor::block_on(self.render_live(Arc::new(plan.clone())));
        rendered.map_err(|error| match error {
            RenderError::Template(error) => error,
            RenderError::Unavailable(error) => {
                TemplateError::new(TemplateErrorKind::Limit, self.source.name(), error.to_string())
            }
        })
    }

    /// What its policies say of the finished objects of one submission. Blocks where that happens in a render worker.
    ///
    /// # Errors
    /// Where no policy could run at all: a limit of the render worker, or no worker.
    pub fn judge(&self, finished: Finished) -> Result<Judgement, RenderError> {
        match &self.engine {
            Engine::Here(compiled) => Ok(compiled.policies.judge(&compiled.sources, &finished, &|_| ())),
            Engine::Workers(_) => futures::executor::block_on(self.judge_live(finished)),
        }
    }

    /// What its policies say of the finished objects of one submission, and waits for a render worker if it needs one.
    ///
    /// # Errors
    /// Where no policy could run at all: a limit of the render worker, or no worker.
    pub async fn judge_live(&self, finished: Finished) -> Result<Judgement, RenderError> {
        match &self.engine {
            Engine::Here(_) => self.judge(finished),
            Engine::Workers(workers) => workers.judge(&self.source, Arc::new(finished)).await,
        }
    }

    /// Writes all documents of one submission, and waits for a render worker if it needs one.
    ///
    /// # Errors
    /// Where a template fails on it, or no worker could render it.
    pub async fn render_live(&self, plan: Arc<DriverPlan>) -> Result<Rendered, RenderError> {
        match &self.engine {
            Engine::Here(compiled) => Ok(render::documents(compiled, &plan, &|_| ())?),
            Engine::Workers(workers) => workers.render(&self.source, plan).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(names: &[&str]) -> Files {
        names
            .iter()
            .map(|name| ((*name).to_owned(), Vec::new()))
            .collect()
    }

    #[test]
    fn a_set_that_can_change_executors_in_any_way_is_known() {
        for (own, default, always, changes) in [
            (&[][..], &[][..], &[][..], false),
            (
                &["driver-pod.yaml.j2", "_x.j2"],
                &["driver-pod.patch.yaml.j2"],
                &["driver-pod.patch.yaml.j2"],
                false,
            ),
            (&["executor-pod.yaml.j2"], &[], &[], true),
            (&["executor-pod.patch.yaml.j2"], &[], &[], true),
            (&["executor-configmap.yaml.j2"], &[], &[], true),
            (&["executor-configmap.patch.yaml.j2"], &[], &[], true),
            // A partial of a named set stands in for the one that the default set's template includes.
            (&["_x.j2"], &["executor-pod.yaml.j2"], &[], true),
            (&[], &["executor-configmap.patch.yaml.j2"], &[], true),
            (&[], &[], &["executor-pod.patch.yaml.j2"], true),
        ] {
            let (files, default, always) = (files(own), files(default), files(always));
            let parts = Parts {
                name: "team",
                files: &files,
                default: &default,
                always: &always,
                extra_kinds: &[],
                newer_fields: crate::templates::NewerFields::Refuse,
            };
            let set = TemplateSet {
                source: Arc::new(Source::of(parts)),
                warnings: Vec::new(),
                policies: Vec::new(),
                reads_namespace: false,
                engine: Engine::Here(Box::new(Compiled::builtin())),
            };
            assert_eq!(set.changes_executors(), changes, "{own:?} {default:?} {always:?}");
        }
    }
}
