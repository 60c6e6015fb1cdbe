//! A kubeconfig: which files it is made of, which context holds, and what of it can't be used, by file and field.

use crate::{
    finding::{error_words, io_words},
    redaction::shown,
};
use kube::{
    Config,
    config::{AuthInfo, KubeConfigOptions, Kubeconfig, KubeconfigError, LoadDataError, NamedContext},
};
use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

/// The most contexts that a message names.
const MOST_NAMED: usize = 20;

/// A kubeconfig can't be used.
#[derive(Debug, thiserror::Error)]
#[error("{files}: the kubeconfig can't be used: {reason}")]
pub struct UnusableKubeconfig {
    /// Its files, as they were given.
    pub files: String,
    /// What is wrong with it.
    pub reason: String,
    /// Whether there is one at all.
    pub is_there: bool,
}

/// What was read of the files of a kubeconfig.
pub(super) struct ReadKubeconfig {
    files: String,
    content: Kubeconfig,
}

impl ReadKubeconfig {
    /// The file that was given, or those of `KUBECONFIG`, or `~/.kube/config`.
    ///
    /// # Errors
    /// Where one can't be read.
    pub(super) fn read(given: Option<&Path>) -> Result<Self, UnusableKubeconfig> {
        let files = files(
            given,
            std::env::var_os("KUBECONFIG").as_ref(),
            std::env::home_dir(),
        );
        let shown: Vec<_> = files.iter().map(|file| file.display().to_string()).collect();
        let mut content: Option<Kubeconfig> = None;
        for (file, shown) in files.iter().zip(&shown) {
            let unusable = |error: KubeconfigError| UnusableKubeconfig {
                files: shown.clone(),
                is_there: !is_missing(&error),
                reason: in_words(&error),
            };
            let next = Kubeconfig::read_from(file).map_err(unusable)?;
            content = Some(match content {
                Some(content) => content.merge(next).map_err(unusable)?,
                None => next,
            });
        }
        Ok(Self {
            files: shown.join(", "),
            content: content.unwrap_or_default(),
        })
    }

    /// What the context that was chosen says, or the current one. Where the caller has credentials of its own, the user's are not
    /// looked at.
    ///
    /// # Errors
    /// Where the context, or what it names, isn't there or can't be used.
    pub(super) async fn configured(
        self,
        chosen: Option<&str>,
        has_credentials: bool,
    ) -> Result<Config, UnusableKubeconfig> {
        let Self { files, content } = self;
        let unusable = |reason: String| UnusableKubeconfig {
            files: files.clone(),
            reason,
            is_there: true,
        };
        let context = context(&content, chosen).map_err(unusable)?;
        let named = context.name.clone();
        names_what_is_there(&content, context, has_credentials).map_err(unusable)?;
        let options = KubeConfigOptions {
            context: Some(named),
            ..KubeConfigOptions::default()
        };
        let config = Config::from_custom_kubeconfig(content, &options).await;
        config.map_err(|error| unusable(in_words(&error)))
    }
}

/// The files that a kubeconfig is made of.
fn files(given: Option<&Path>, variable: Option<&OsString>, home: Option<PathBuf>) -> Vec<PathBuf> {
    if let Some(given) = given {
        return vec![given.to_owned()];
    }
    let named = variable.into_iter().flat_map(std::env::split_paths);
    let named: Vec<_> = named.filter(|path| !path.as_os_str().is_empty()).collect();
    if named.is_empty() {
        return vec![home.unwrap_or_else(|| "~".into()).join(".kube").join("config")];
    }
    named
}

/// The context that was chosen, or the current one.
fn context<'k>(content: &'k Kubeconfig, chosen: Option<&str>) -> Result<&'k NamedContext, String> {
    let current = content.current_context.as_deref();
    let name = chosen.or(current).filter(|name| !name.is_empty());
    let known: Vec<_> = content.contexts.iter().map(|known| shown(&known.name)).collect();
    let known = match (known.len(), known.len().saturating_sub(MOST_NAMED)) {
        (0, _) => "it has no context".to_owned(),
        (_, 0) => format!("it has {}", known.join(", ")),
        (_, more) => format!("it has {} and {more} more", known[..MOST_NAMED].join(", ")),
    };
    let Some(name) = name else {
        return Err(format!(
            "current-context: expected the name of a context, found nothing; {known}; --context chooses one"
        ));
    };
    let place = if chosen.is_some() { "" } else { "current-context: " };
    let found = content
        .contexts
        .iter()
        .find(|known| known.name == name && known.context.is_some());
    found.ok_or_else(|| {
        let name = shown(name);
        format!("{place}expected the name of one of its contexts, found {name}; {known}")
    })
}

/// Whether the cluster, the user and the files of a context are there.
fn names_what_is_there(
    content: &Kubeconfig,
    named: &NamedContext,
    has_credentials: bool,
) -> Result<(), String> {
    let Some(context) = &named.context else {
        return Ok(());
    };
    let at = format!("context {}", shown(&named.name));
    let mut clusters = content.clusters.iter();
    let cluster = clusters
        .find(|cluster| cluster.name == context.cluster)
        .and_then(|cluster| cluster.cluster.as_ref())
        .ok_or_else(|| missing(&at, "cluster", &context.cluster))?;
    let name = shown(&context.cluster);
    if cluster.certificate_authority_data.is_none() {
        is_readable(
            &format!("cluster {name}, certificate-authority"),
            cluster.certificate_authority.as_deref(),
        )?;
    }
    let is_by_tls = cluster
        .server
        .as_ref()
        .is_some_and(|server| server.starts_with("https:"));
    let Some(name) = context.user.as_ref().filter(|name| !name.is_empty()) else {
        return Ok(());
    };
    let mut users = content.auth_infos.iter();
    let Some(user) = users.find(|user| user.name == *name) else {
        // As kubectl, by HTTP without anybody; by TLS that is a slip.
        return if is_by_tls && !has_credentials {
            Err(missing(&at, "user", name))
        } else {
            Ok(())
        };
    };
    match &user.auth_info {
        Some(user) if !has_credentials => files_of_user(&shown(name), user),
        _ => Ok(()),
    }
}

fn files_of_user(name: &str, user: &AuthInfo) -> Result<(), String> {
    if user.client_certificate_data.is_none() {
        is_readable(
            &format!("user {name}, client-certificate"),
            user.client_certificate.as_deref(),
        )?;
    }
    if user.client_key_data.is_none() {
        is_readable(&format!("user {name}, client-key"), user.client_key.as_deref())?;
    }
    if user.token.is_none() {
        is_readable(&format!("user {name}, tokenFile"), user.token_file.as_deref())?;
    }
    Ok(())
}

fn is_readable(place: &str, path: Option<&str>) -> Result<(), String> {
    let Some(path) = path.filter(|path| !path.is_empty()) else {
        return Ok(());
    };
    let read = std::fs::File::open(path);
    read.map(|_| ())
        .map_err(|error| format!("{place}: {}: {}", shown(path), error_words(&error)))
}

fn missing(context: &str, what: &str, name: &str) -> String {
    let name = shown(name);
    format!("{context}: expected a {what} of the kubeconfig, found {name}, which it doesn't have")
}

fn is_missing(error: &KubeconfigError) -> bool {
    matches!(error, KubeconfigError::ReadConfig(error, _) if error.kind() == std::io::ErrorKind::NotFound)
}

/// A parser's message shows the text around the error, and a kubeconfig holds keys: so without it.
pub(super) fn in_words(error: &KubeconfigError) -> String {
    match error {
        // The message has the path already.
        KubeconfigError::ReadConfig(error, _) => io_words(error.kind()),
        KubeconfigError::Parse(error) => match error.location() {
            Some(at) => format!(
                "expected a kubeconfig in YAML, found a mistake at line {}, column {}",
                at.line(),
                at.column()
            ),
            None => "expected a kubeconfig in YAML".to_owned(),
        },
        KubeconfigError::LoadCertificateAuthority(error) => of_data("certificate-authority", error),
        KubeconfigError::LoadClientCertificate(error) => of_data("client-certificate", error),
        KubeconfigError::LoadClientKey(error) => of_data("client-key", error),
        other => other.to_string(),
    }
}

fn of_data(field: &str, error: &LoadDataError) -> String {
    match error {
        LoadDataError::DecodeBase64(_) => format!("{field}-data: expected base64, found other text"),
        LoadDataError::ReadFile(error, path) => {
            let path = shown(&path.display().to_string());
            format!("{field}: {path}: {}", io_words(error.kind()))
        }
        LoadDataError::NoBase64DataOrFile => format!("{field}: expected a file or data, found neither"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kubeconfig_is_what_was_given_or_what_the_variable_names_or_the_users_own() {
        let home = || Some(PathBuf::from("/h"));
        let given = Some(Path::new("g"));
        let of =
            |given, variable: Option<&str>, home| files(given, variable.map(OsString::from).as_ref(), home);
        let paths = |paths: &[&str]| paths.iter().map(PathBuf::from).collect::<Vec<_>>();
        assert_eq!(of(given, Some("a:b"), home()), paths(&["g"]));
        assert_eq!(of(None, Some("a::b"), home()), paths(&["a", "b"]));
        for empty in [Some(""), Some(":"), None] {
            assert_eq!(of(None, empty, home()), paths(&["/h/.kube/config"]), "{empty:?}");
        }
        assert_eq!(of(None, None, None), paths(&["~/.kube/config"]));
    }

    #[test]
    fn of_many_contexts_the_first_are_named() {
        let named = |index: usize| NamedContext {
            name: format!("c{index}"),
            ..NamedContext::default()
        };
        let content = |count: usize| Kubeconfig {
            contexts: (0..count).map(named).collect(),
            ..Kubeconfig::default()
        };
        let said = |count| context(&content(count), Some("x")).unwrap_err();
        assert!(said(0).ends_with("; it has no context"), "{}", said(0));
        assert!(said(MOST_NAMED).ends_with("`c19`"), "{}", said(MOST_NAMED));
        assert!(
            said(MOST_NAMED + 2).ends_with("`c19` and 2 more"),
            "{}",
            said(MOST_NAMED + 2)
        );
    }
}
