//! A template set: the built-in templates and an admin's files, compiled once, never changed.

use super::{
    LoadError, Rendered, TemplateError, TemplateErrorKind,
    compiled::Compiled,
    files::{self, Files},
    parts::{DEFAULT_SET, Parts, Source},
    render,
    worker::{Pool, RenderError},
};
use crate::spark::plan::DriverPlan;
use std::{collections::BTreeMap, sync::Arc};

/// The template of the executors' pod template.
const EXECUTOR: &str = "executor-pod.yaml.j2";

/// The built-in templates together with an admin's overrides, patches and further objects.
///
/// All documents of a submission come from one set. A set is immutable; a changed file makes another one.
#[derive(Debug)]
pub struct TemplateSet {
    source: Arc<Source>,
    warnings: Vec<String>,
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
            extra_kinds: &[],
        })
    }

    /// A set of any name, in this process. A further `*.yaml.j2` writes a further object where `extra_kinds` has any.
    pub(crate) fn load_parts(parts: Parts<'_>) -> Result<Self, LoadError> {
        let mut compiled = Compiled::load(parts, &|_| ())?;
        Ok(Self {
            source: Arc::new(Source::of(parts)),
            warnings: std::mem::take(&mut compiled.warnings),
            engine: Engine::Here(Box::new(compiled)),
        })
    }

    /// The same, in render workers if there are any and the set has an admin's file.
    pub(crate) fn load_in(parts: Parts<'_>, workers: Option<&Arc<Pool>>) -> Result<Self, LoadError> {
        let Some(workers) = workers.filter(|_| !parts.is_builtin()) else {
            return Self::load_parts(parts);
        };
        let source = Arc::new(Source::of(parts));
        Ok(Self {
            warnings: workers.load(&source)?,
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

    /// Its own files.
    pub(crate) fn files(&self) -> &Files {
        self.source.files()
    }

    /// The roles of the further objects that its files write.
    pub(crate) fn extra_roles(&self) -> Vec<String> {
        let Parts { files, default, .. } = self.source.parts();
        let names = files.keys().chain(default.keys());
        names.filter_map(|name| files::extra_role(name)).collect()
    }

    /// Whether an admin's file has a say in the executors' pod template.
    pub(crate) fn changes_executors(&self) -> bool {
        let patch = files::patch_of(EXECUTOR);
        let Parts { files, default, .. } = self.source.parts();
        let has = |name: &str| files.contains_key(name) || default.contains_key(name);
        has(EXECUTOR) || has(&patch)
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
