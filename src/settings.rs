//! Settings of the service: flags, each with its environment variable.

mod access;
mod tls;

pub use access::ClusterAccess;
pub use tls::{TlsFiles, TlsSettings};

use crate::{
    kubernetes::{ObjectKind, grammar::is_dns_1123_label},
    operator::Webhook,
    spark::submission::{ExecutorCheck, UnknownFields},
    submitter::SpecSource,
    templates::{Fallback, NewerFields, Rendering, SetAnnotation, SetOptions, SetRule, SetRules},
};
use clap::{Args, ValueEnum};
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    str::FromStr,
    time::Duration,
};

/// Where objects go: `cluster`, or `dir:PATH`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApplyTo {
    /// The API server.
    Cluster,
    /// Files below this directory.
    Directory(PathBuf),
}

impl FromStr for ApplyTo {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "cluster" => Ok(Self::Cluster),
            Some(("dir", path)) if !path.is_empty() => Ok(Self::Directory(path.into())),
            _ => Err("expected `cluster` or `dir:PATH`".to_owned()),
        }
    }
}

/// Who adds what the operator leaves to its mutating webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OperatorWebhookSetting {
    /// One of the other two, as the text above says.
    Auto,
    /// The operator's webhook does.
    On,
    /// native-submit does.
    Off,
}

/// What is taken from the cluster besides the request.
#[derive(Debug, Clone, Args)]
#[allow(clippy::doc_markdown, reason = "help is shown as it stands")]
pub struct ClusterViewSettings {
    /// Who adds volumes, affinity, sidecars and more to the Pods: the operator's webhook (on) or native-submit (off); auto means
    /// on if the cluster has that webhook registered for the Pod, and off if objects are written to a directory
    #[arg(long, env = "OPERATOR_WEBHOOK", value_enum, default_value = "auto")]
    pub operator_webhook: OperatorWebhookSetting,

    /// Where an application's specification comes from: only the request, or also the SparkApplication on the cluster
    #[arg(long, env = "SPEC_SOURCE", value_enum, default_value = "auto")]
    pub spec_source: SpecSource,
}

impl OperatorWebhookSetting {
    /// Who adds it to an application from a file, which no operator sends: `auto` is off.
    pub fn of_file(self) -> Webhook {
        match self {
            Self::On => Webhook::On,
            Self::Auto | Self::Off => Webhook::Off,
        }
    }
}

impl ClusterViewSettings {
    /// Who adds what the operator leaves to its webhook; `None` if the cluster decides.
    pub fn webhook(&self, sink: &ApplyTo) -> Option<Webhook> {
        match (self.operator_webhook, sink) {
            (OperatorWebhookSetting::On, _) => Some(Webhook::On),
            (OperatorWebhookSetting::Off, _) | (_, ApplyTo::Directory(_)) => Some(Webhook::Off),
            (OperatorWebhookSetting::Auto, ApplyTo::Cluster) => None,
        }
    }
}

/// Templates, for all commands.
#[derive(Debug, Clone, Default, Args)]
#[allow(clippy::doc_markdown, reason = "help is shown as it stands")]
pub struct TemplateSettings {
    /// Directory (usually a mounted ConfigMap) whose *.yaml.j2 files override the built-in templates of the same name
    #[arg(long, env = "TEMPLATE_DIR", value_name = "DIR")]
    pub template_dir: Option<PathBuf>,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub sets: SetSettings,
}

impl TemplateSettings {
    /// Where the template sets are, and the rules that select one.
    pub fn options(&self) -> SetOptions {
        self.sets.options(self.template_dir.clone())
    }
}

/// Template sets: the rules that select one, and what they may write. A folder of the template directory is a set by its name.
#[derive(Debug, Clone, Default, Args)]
#[allow(clippy::doc_markdown, reason = "help is shown as it stands")]
pub struct SetSettings {
    /// Rules that choose the template set of a submission, comma-separated: namespace:NAME=SET, namespace:PREFIX*=SET or
    /// type:Java|Python|R=SET; if no rule matches, the set is default
    #[arg(long, env = "TEMPLATE_SETS", value_delimiter = ',', value_name = "RULES", value_parser = blank_or::<SetRule>)]
    pub template_sets: Vec<Option<SetRule>>,

    /// Whether an application may choose its template set with the annotation native-submit/template-set: allow, and the
    /// annotation comes before all rules, or refuse such applications
    #[arg(long, env = "TEMPLATE_SET_ANNOTATION", value_enum, default_value = "allow")]
    pub template_set_annotation: SetAnnotation,

    /// Kinds of additional objects that templates may write, comma-separated: NetworkPolicy, PodDisruptionBudget, Ingress,
    /// HTTPRoute, ConfigMap, Secret, Service, PersistentVolumeClaim, or KIND=PLURAL.GROUP/VERSION of a group that neither
    /// grants rights nor creates Pods; by default none
    #[arg(long, env = "ALLOWED_EXTRA_KINDS", value_delimiter = ',', value_name = "KINDS", value_parser = blank_or::<ObjectKind>)]
    pub allowed_extra_kinds: Vec<Option<ObjectKind>>,

    /// What happens if a template writes a field that this release doesn't know: refuse it as a misspelling, or warn and send
    /// it, for a cluster that is newer than this release
    #[arg(long, env = "TEMPLATE_UNKNOWN_FIELDS", value_enum, default_value = "refuse")]
    pub template_unknown_fields: NewerFields,
}

impl SetSettings {
    /// The same for the sets of a directory.
    pub fn options(&self, directory: Option<PathBuf>) -> SetOptions {
        SetOptions {
            directory,
            extra_kinds: self.allowed_extra_kinds.iter().flatten().cloned().collect(),
            newer_fields: self.template_unknown_fields,
            rules: SetRules {
                annotation: self.template_set_annotation,
                rules: self.template_sets.iter().flatten().cloned().collect(),
            },
            rendering: Rendering::workers(),
        }
    }
}

/// An item of a list, which may be empty where a chart's value is.
fn blank_or<T: FromStr<Err = String>>(text: &str) -> Result<Option<T>, String> {
    match text.trim() {
        "" => Ok(None),
        text => text.parse().map(Some),
    }
}

/// A namespace of a list, without the blanks that are written between items; an item may be empty where a chart's value is.
fn namespace_or_blank(text: &str) -> Result<String, String> {
    match text.trim() {
        name if name.is_empty() || is_dns_1123_label(name) => Ok(name.to_owned()),
        _ => Err(
            "expected the name of a namespace: at most 63 of a-z, 0-9 and `-`, a letter or digit at each end"
                .to_owned(),
        ),
    }
}

/// Reads a port's number.
fn port(text: &str) -> Result<u16, String> {
    text.parse()
        .map_err(|_| "expected a port from 1 to 65535, or 0 for any free one".to_owned())
}

/// Reads an IP address.
fn address(text: &str) -> Result<IpAddr, String> {
    text.parse()
        .map_err(|_| "expected an IP address, such as 127.0.0.1 or ::1 (0.0.0.0 for all)".to_owned())
}

/// Reads a number of submissions.
fn submissions(text: &str) -> Result<u32, String> {
    above_0(text, "expected a number of submissions above 0, such as 256")
}

/// Reads a number of bytes.
fn bytes(text: &str) -> Result<usize, String> {
    above_0(text, "expected a number of bytes above 0, such as 4194304")
}

fn above_0<N: FromStr + PartialOrd + From<u8>>(text: &str, wrong: &str) -> Result<N, String> {
    let count = text.parse().ok().filter(|count| *count > N::from(0));
    count.ok_or_else(|| wrong.to_owned())
}

/// Where the drop-in looks for a server.
pub const DEFAULT_SOCKET: &str = "/var/run/native-submit/submit.sock";

/// What happens to a submission whose executors can't start.
#[derive(Debug, Clone, Copy, Default, Args)]
#[allow(clippy::doc_markdown, reason = "help is shown as it stands")]
pub struct ExecutorSettings {
    /// What happens to a submission whose executors can't start because Spark or the API server would refuse them: refuse the
    /// submission, or warn
    #[arg(long, env = "EXECUTOR_CHECK", value_enum, default_value = "refuse")]
    pub executor_check: ExecutorCheck,
}

/// The settings of `serve`.
#[derive(Debug, Clone, Args)]
#[allow(clippy::doc_markdown, reason = "help is shown as it stands")]
pub struct ServeSettings {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub templates: TemplateSettings,

    /// Where objects are created: in the cluster, or as files below dir:PATH, in one directory for each submission
    #[arg(
        long,
        env = "APPLY_TO",
        default_value = "cluster",
        value_name = "cluster|dir:PATH"
    )]
    pub apply_to: ApplyTo,

    /// IP address that gRPC listens on
    #[arg(long, env = "GRPC_ADDRESS", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST), value_parser = address)]
    pub grpc_address: IpAddr,

    /// Port that gRPC listens on; 0 for any free port
    #[arg(long, env = "GRPC_PORT", default_value_t = 50051, value_parser = port)]
    pub grpc_port: u16,

    /// IP address that REST listens on
    #[arg(long, env = "REST_ADDRESS", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST), value_parser = address)]
    pub rest_address: IpAddr,

    /// Port that REST listens on; 0 for any free port
    #[arg(long, env = "REST_PORT", default_value_t = 50052, value_parser = port)]
    pub rest_port: u16,

    /// Unix socket that the drop-in spark-submit sends submissions to; the server listens on it if its directory exists
    #[arg(long, env = "NATIVE_SUBMIT_SOCKET", default_value = DEFAULT_SOCKET, value_name = "PATH")]
    pub socket: PathBuf,

    /// IP address that /healthz, /readyz and /metrics listen on
    #[arg(long, env = "HEALTH_ADDRESS", default_value_t = IpAddr::V4(Ipv4Addr::UNSPECIFIED), value_parser = address)]
    pub health_address: IpAddr,

    /// Port that /healthz, /readyz and /metrics listen on; 0 for any free port
    #[arg(long, env = "HEALTH_PORT", default_value_t = 9090, value_parser = port)]
    pub health_port: u16,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub tls: TlsSettings,

    /// Let gRPC and REST listen without TLS on an address that other machines can reach
    #[arg(long, env = "ALLOW_PLAINTEXT", default_value_t = false)]
    pub allow_plaintext: bool,

    /// Whether the server writes a Kubernetes Event to the SparkApplication of a refused submission
    #[arg(long, env = "EVENTS", default_value_t = true, action = clap::ArgAction::Set, value_name = "true|false")]
    pub events: bool,

    /// Most submissions in flight at once; more are refused with an error that can be retried
    #[arg(long, env = "MAX_IN_FLIGHT", default_value_t = 256, value_parser = submissions)]
    pub max_in_flight: u32,

    /// Largest size of a request, in bytes
    #[arg(long, env = "MAX_REQUEST_BYTES", default_value_t = 4 << 20, value_parser = bytes)]
    pub max_request_bytes: usize,

    /// Longest time that a client keeps one connection to gRPC or REST, in ms, s or m; then the client opens another one, which
    /// may lead to a new replica. 0s means no limit
    #[arg(long, env = "MAX_CONNECTION_AGE", default_value = "5m", value_parser = duration)]
    pub max_connection_age: Duration,

    /// Longest time that a stopping server waits for submissions in flight, in ms, s or m
    #[arg(long, env = "DRAIN_TIMEOUT", default_value = "25s", value_parser = duration)]
    pub drain_timeout: Duration,

    /// Spark version of applications that don't name one, such as 4.0.1; by default the version in their image's tag, else the
    /// newest known
    #[arg(long, env = "SPARK_VERSION", value_name = "VERSION")]
    pub spark_version: Option<crate::spark::submission::SparkVersion>,

    /// Value of SPARK_USER in drivers without a proxy user
    #[arg(long, env = "SPARK_USER", default_value = "spark")]
    pub spark_user: String,

    /// Namespaces that applications may be submitted to, comma-separated; by default all
    #[arg(long, env = "ALLOWED_NAMESPACES", value_delimiter = ',', value_parser = namespace_or_blank)]
    pub allowed_namespaces: Vec<String>,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub executors: ExecutorSettings,

    /// Directories with files that applications may name (pod templates, krb5.conf, keytabs), comma-separated; by default none
    #[arg(long, env = "SUBMITTER_FILE_ROOTS", value_delimiter = ',')]
    pub submitter_file_roots: Vec<PathBuf>,

    /// What happens to unknown fields in a request's application and pod templates: pass them to the API server with a warning,
    /// or refuse the submission
    #[arg(long, env = "UNKNOWN_FIELDS", value_enum, default_value = "pass")]
    pub unknown_fields: UnknownFields,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub cluster_view: ClusterViewSettings,

    /// What a server does if its templates are invalid at the start: serve with the built-in templates, and with the folder always
    /// if all of it is valid, or refuse submissions until the templates are valid
    #[arg(long, env = "TEMPLATE_FALLBACK", value_enum, default_value = "refuse")]
    pub template_fallback: Fallback,
}

impl ServeSettings {
    /// What is said of each directory of `SUBMITTER_FILE_ROOTS` that is not there: the server serves without it.
    pub fn missing_file_roots(&self) -> impl Iterator<Item = String> {
        let missing = self.submitter_file_roots.iter().filter(|root| !root.is_dir());
        missing.map(|root| format!("SUBMITTER_FILE_ROOTS: {} is not a directory", root.display()))
    }

    /// The socket address of gRPC, if it may be listened on.
    pub fn grpc(&self) -> Result<SocketAddr, String> {
        self.listen_on("GRPC_ADDRESS", self.grpc_address, self.grpc_port)
    }

    /// The socket address of REST, if it may be listened on.
    pub fn rest(&self) -> Result<SocketAddr, String> {
        self.listen_on("REST_ADDRESS", self.rest_address, self.rest_port)
    }

    fn listen_on(&self, variable: &str, address: IpAddr, port: u16) -> Result<SocketAddr, String> {
        let tls = self.tls.files()?;
        if !address.is_loopback() && tls.is_none() && !self.allow_plaintext {
            return Err(format!(
                "{variable}: expected a loopback address or TLS, found {address} without TLS: anybody who reaches it can \
                 create pods; set TLS_CERT_FILE, TLS_KEY_FILE and TLS_CLIENT_CA_FILE, listen on 127.0.0.1, or set \
                 ALLOW_PLAINTEXT=true"
            ));
        }
        Ok(SocketAddr::new(address, port))
    }

    /// Whether gRPC or REST listens on an address that other machines reach.
    pub fn is_reachable(&self) -> bool {
        !(self.grpc_address.is_loopback() && self.rest_address.is_loopback())
    }
}

/// Reads `25s`, `500ms` or `2m`.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "expected a number with the unit ms, s or m, such as 25s".to_owned();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (count, unit) = text.split_at(digits);
    let count: u64 = count.parse().map_err(|_| wrong())?;
    match unit {
        "ms" => Ok(Duration::from_millis(count)),
        "s" | "" => Ok(Duration::from_secs(count)),
        "m" => count.checked_mul(60).map(Duration::from_secs).ok_or_else(wrong),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::FromArgMatches as _;

    #[test]
    fn durations_have_a_unit() {
        for (text, expected) in [("25s", 25_000), ("500ms", 500), ("2m", 120_000), ("3", 3_000)] {
            assert_eq!(duration(text), Ok(Duration::from_millis(expected)), "{text}");
        }
        for text in ["", "s", "1h", "-1s", "1.5s"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn blanks_between_the_items_of_a_list_dont_count() {
        let command = ServeSettings::augment_args(clap::Command::new("serve"));
        let words = ["serve", "--allowed-namespaces", " a, jobs ,"];
        let settings = ServeSettings::from_arg_matches(&command.get_matches_from(words)).unwrap();
        assert_eq!(settings.allowed_namespaces, ["a", "jobs", ""]);
    }

    #[test]
    fn objects_go_to_the_cluster_or_a_directory() {
        assert_eq!("cluster".parse(), Ok(ApplyTo::Cluster));
        assert_eq!("dir:out".parse(), Ok(ApplyTo::Directory("out".into())));
        for text in ["", "dir:", "file:x", "Cluster"] {
            assert!(text.parse::<ApplyTo>().is_err(), "{text}");
        }
    }
}
