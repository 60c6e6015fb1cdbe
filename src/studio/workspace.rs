//! The state behind the page: what the directory holds now, what it makes of applications, and which pages get changes.

use super::{
    applications::{self, Application, Dropped, MOST_DROPPED, Source},
    baseline::{Baseline, Comparison},
    config_map,
    requests::{Drop, OfApplication, OfDifference, Save, With},
    save,
    settings::StudioSettings,
    state::State,
    summary::{self, Summary, key},
    variables::{self, ShownVariable},
    view::{self, Terms, View},
};
use crate::{
    authoring::{bench::Tried, case::Case},
    templates::{Workers, watched, workers},
    watch::{Timing, Watch},
};
use serde::Serialize;
use std::{
    collections::VecDeque,
    path::PathBuf,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};
use tokio::sync::watch;

/// Soon after a save, and often enough where nothing tells of one.
const TIMING: Timing = Timing {
    debounce: Duration::from_millis(15),
    poll: Duration::from_secs(10),
};

/// For how many applications the last good objects are kept.
const MOST_GOOD: usize = 32;

/// The most bytes of all dropped files.
const MOST_DROPPED_BYTES: usize = 16 << 20;

/// The longest name of a dropped file, in characters.
const LONGEST_NAME: usize = 128;

/// How far the work is; sent to every page.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(super) struct Progress {
    /// The number of the state that requests see.
    pub(super) generation: u64,
    /// The state whose summary is complete.
    pub(super) complete: u64,
}

/// The state behind the page.
pub(super) struct Workspace {
    settings: StudioSettings,
    workers: Option<Workers>,
    state: Mutex<Option<Arc<State>>>,
    summary: Mutex<Arc<Summary>>,
    dropped: Mutex<Vec<Dropped>>,
    /// One look at the directory at a time.
    looking: Mutex<()>,
    builtin: OnceLock<Baseline>,
    baseline: Mutex<Option<Arc<Baseline>>>,
    /// The last good view of applications, the newest last.
    good: Mutex<VecDeque<(String, Arc<View>)>>,
    progress: watch::Sender<Progress>,
}

impl Workspace {
    /// The workspace after its first look. Blocks.
    pub(super) fn open(settings: StudioSettings) -> Self {
        let workspace = Self {
            workers: workers(&settings.options.rendering),
            settings,
            state: Mutex::default(),
            summary: Mutex::default(),
            dropped: Mutex::default(),
            looking: Mutex::default(),
            builtin: OnceLock::new(),
            baseline: Mutex::default(),
            good: Mutex::default(),
            progress: watch::Sender::default(),
        };
        workspace.look();
        workspace
    }

    /// Looks whenever a file changes.
    pub(super) fn watch(self: &Arc<Self>) -> Watch {
        let (workspace, directories) = (Arc::clone(self), Arc::clone(self));
        Watch::start(
            "the template directory",
            move || directories.directories(),
            TIMING,
            move || workspace.look(),
        )
    }

    fn directories(&self) -> Vec<PathBuf> {
        let mut directories = watched(&self.settings.directory);
        directories.extend(self.settings.from.iter().flat_map(|from| watched(from)));
        for path in self.settings.files.iter().chain(&self.settings.cases) {
            if path.is_dir() {
                directories.push(path.clone());
                let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
                directories.extend(
                    entries
                        .map(|entry| entry.path())
                        .filter(|path| path.is_dir())
                        .take(1000),
                );
            } else if let Some(parent) = path.parent().filter(|parent| parent.is_dir()) {
                directories.push(parent.to_owned());
            }
        }
        directories
    }

    /// Tells of each change.
    pub(super) fn subscribe(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// Reads the files, and if they are others than before makes a new state of them. Blocks.
    pub(super) fn look(&self) {
        let _one = self.looking.lock().unwrap_or_else(PoisonError::into_inner);
        let contents = State::read(&self.settings.directory);
        let applications = self.applications();
        let before = self.state();
        if let Some(before) = &before
            && before.contents == contents
            && same(&before.applications, &applications)
        {
            return;
        }
        let state = State::of(
            &self.settings.directory,
            &self.settings.options,
            self.workers.as_ref(),
            contents,
            applications,
            before.as_deref(),
        );
        let generation = state.generation;
        let at_once = {
            let before = self.summary();
            let is_first = before.generation == 0;
            summary::at_once(&state, &self.settings, (!is_first).then_some(&*before))
        };
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(state));
        *self.summary.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(at_once);
        self.progress
            .send_modify(|progress| progress.generation = generation);
    }

    fn applications(&self) -> Vec<Application> {
        let given = (self.settings.read)().into_iter().map(|(label, document)| {
            let case = document.map(|document| Case::of(&label, Ok(document)));
            (label, case)
        });
        let dropped = self
            .dropped
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        applications::all(self.settings.cases.as_deref(), given.collect(), &dropped)
    }

    /// Tries all applications with the state that there is, and tells when that is done; ends early where a newer state
    /// comes. Blocks.
    pub(super) fn complete(&self) {
        let Some(state) = self.state() else { return };
        let progress = self.progress.borrow();
        if progress.complete == state.generation {
            return;
        }
        drop(progress);
        let is_over = || self.progress.borrow().generation != state.generation;
        let baseline = self.baseline();
        let baseline = match &baseline {
            Ok(Some(baseline)) => Ok(&**baseline),
            Ok(None) => Ok(self.builtin()),
            Err(error) => Err(error.clone()),
        };
        let complete = summary::complete(&state, &self.settings, &baseline, &is_over);
        if let Some(summary) = complete {
            let mut held = self.summary.lock().unwrap_or_else(PoisonError::into_inner);
            if held.generation == summary.generation {
                *held = Arc::new(summary);
            }
            drop(held);
            self.progress
                .send_modify(|progress| progress.complete = state.generation);
        }
    }

    fn state(&self) -> Option<Arc<State>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// All files and applications.
    pub(super) fn summary(&self) -> Arc<Summary> {
        Arc::clone(&self.summary.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn terms(&self) -> Terms<'_> {
        Terms {
            directory: &self.settings.directory,
            rules: &self.settings.options.rules,
            show_secrets: self.settings.show_secrets,
        }
    }

    /// The state, and the application of a request in it.
    fn chosen(&self, name: &str) -> Result<(Arc<State>, Application), String> {
        let state = self.state().ok_or("the directory was not read yet")?;
        let application = state
            .application(name)
            .ok_or("there is no such application")?
            .clone();
        Ok((state, application))
    }

    /// One application. Blocks.
    pub(super) fn view(&self, request: &OfApplication) -> Result<View, String> {
        let (state, application) = self.chosen(&request.application)?;
        let (mut view, tried) = view::tried(&state, &application, &request.switches, self.terms());
        let is_good = tried.as_ref().is_some_and(Tried::is_good);
        let key = format!("{} {:?}", application.name, request.switches);
        let mut good = self.good.lock().unwrap_or_else(PoisonError::into_inner);
        let known = good.iter().position(|(known, _)| *known == key);
        if is_good {
            let known = known.and_then(|known| good.remove(known));
            drop(known);
            if good.len() >= MOST_GOOD {
                good.pop_front();
            }
            good.push_back((key, Arc::new(view.clone())));
        } else if view.objects.is_empty() {
            let known = known
                .and_then(|known| good.get(known))
                .map(|(_, good)| Arc::clone(good));
            drop(good);
            match known {
                Some(known) => view.with_objects_of(&known),
                None => view.with_last_good(&state, &application, &request.switches, self.terms()),
            }
            // One that took its set over a limit would do it again.
            if view.objects.is_empty() && tried.is_some_and(|tried| !tried.exceeded) {
                view.with_unchecked(&state, &application, &request.switches, self.terms());
            }
        }
        Ok(view)
    }

    /// What differs from other templates. Blocks.
    pub(super) fn difference(&self, request: &OfDifference) -> Result<Comparison, String> {
        let (state, application) = self.chosen(&request.application)?;
        let (view, tried) = view::tried(&state, &application, &request.switches, self.terms());
        let baseline = match request.with {
            With::Builtin => None,
            With::Baseline => self.baseline()?,
        };
        let with = baseline.as_deref();
        let is_missing = request.with == With::Baseline && with.is_none();
        let with = with.unwrap_or_else(|| self.builtin());
        if is_missing {
            return Err(
                "there is no other state to compare with: the directory is in no git repository with a commit; \
                 start studio with --from DIR"
                    .to_owned(),
            );
        }
        let manifests = tried.and_then(|tried| tried.manifests);
        let (Some(manifests), Ok(case)) = (manifests, &application.case) else {
            let message = "the application is refused with these templates, so there is nothing to compare";
            return Ok(Comparison {
                with: with.label(),
                error: Some(message.to_owned()),
                ..Comparison::default()
            });
        };
        let case = request.switches.apply(case);
        // Another one than the summary has, unless nothing is switched.
        let key = key(&case);
        Ok(with.compare(&case, &key, &view.set, &manifests, self.settings.show_secrets))
    }

    /// What templates can name. Blocks.
    pub(super) fn variables(&self, request: &OfApplication) -> Result<Vec<ShownVariable>, String> {
        let (state, application) = self.chosen(&request.application)?;
        let case = request
            .switches
            .apply(application.case.as_ref().map_err(Clone::clone)?);
        let (set, _) = view::chosen_set(&case, &self.settings.options.rules)?;
        let bench = state.sets.get(&set).and_then(|set| set.now.as_ref().ok());
        let id = bench.map_or(set.clone(), |bench| bench.id().to_owned());
        variables::of(&case, &id, self.settings.show_secrets)
    }

    /// The text of a template.
    pub(super) fn source(&self, file: &str) -> Result<String, String> {
        let state = self.state().ok_or("the directory was not read yet")?;
        state
            .source(file)
            .ok_or_else(|| "there is no such template".to_owned())
    }

    /// The directory as `ConfigMap`s.
    pub(super) fn config_map(&self) -> Result<String, String> {
        let state = self.state().ok_or("the directory was not read yet")?;
        match &state.contents {
            Ok(contents) => Ok(config_map::text(contents)),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Adds the applications of a file. The name of the first. Blocks.
    pub(super) fn drop_file(&self, file: Drop) -> Result<String, String> {
        let name: String = file
            .name
            .chars()
            .filter(|character| !character.is_control())
            .collect();
        let name: String = name.chars().take(LONGEST_NAME).collect();
        let name = match name.trim() {
            "" => "dropped".to_owned(),
            name => name.to_owned(),
        };
        {
            let mut dropped = self.dropped.lock().unwrap_or_else(PoisonError::into_inner);
            dropped.retain(|known| known.name != name);
            let bytes: usize = dropped.iter().map(|file| file.text.len()).sum();
            if dropped.len() >= MOST_DROPPED || bytes + file.text.len() > MOST_DROPPED_BYTES {
                return Err(format!(
                    "expected at most {MOST_DROPPED} dropped files with {MOST_DROPPED_BYTES} bytes in all, found more; restart \
                     studio with --apps"
                ));
            }
            dropped.push(Dropped {
                name: name.clone(),
                text: file.text,
            });
        }
        self.look();
        let state = self.state().ok_or("the directory was not read yet")?;
        let mut applications = state.applications.iter();
        let found = applications
            .find(|application| application.source == Source::Dropped && application.name.starts_with(&name));
        Ok(found.map_or(name, |application| application.name.clone()))
    }

    /// Saves an application as a golden case. Where it is. Blocks.
    pub(super) fn save(&self, request: &Save) -> Result<String, String> {
        let cases = self
            .settings
            .cases
            .as_ref()
            .ok_or("there is no directory for golden cases; start studio with --cases DIR")?;
        let (_, application) = self.chosen(&request.application)?;
        let case = request
            .switches
            .apply(application.case.as_ref().map_err(Clone::clone)?);
        let folder = save::save(cases, &request.name, &case, &self.settings.options)?;
        self.look();
        Ok(folder.display().to_string())
    }

    fn builtin(&self) -> &Baseline {
        self.builtin.get_or_init(Baseline::builtin)
    }

    fn baseline(&self) -> Result<Option<Arc<Baseline>>, String> {
        let mut held = self.baseline.lock().unwrap_or_else(PoisonError::into_inner);
        let settings = &self.settings;
        let current = Baseline::current(
            &settings.directory,
            settings.from.as_deref(),
            &settings.options,
            self.workers.as_ref(),
            held.clone(),
        )?;
        held.clone_from(&current);
        Ok(current)
    }
}

/// Whether these are the same applications.
fn same(before: &[Application], now: &[Application]) -> bool {
    let is_same = |(before, now): (&Application, &Application)| {
        before.name == now.name
            && match (&before.case, &now.case) {
                (Ok(before), Ok(now)) => {
                    key(before) == key(now)
                        && before.settings() == now.settings()
                        && before.must_be_refused == now.must_be_refused
                }
                (Err(before), Err(now)) => before == now,
                _ => false,
            }
    };
    before.len() == now.len() && before.iter().zip(now).all(is_same)
}
