//! Every message in one place to read: the files `*.txt` beside this one have inputs that are wrong, and what the program says of
//! each, whole. `coverage.rs` finds messages of the code that are in none of them.
//!
//! A case is a line `=== WHAT`, and sections that begin with a line `--- …`:
//!
//! - `--- application`: a merge patch of `examples/spark-pi.yaml`, written to `app.yaml`
//! - `--- FILE`: the content of a file
//! - `--- api VERB RESOURCE CODE [MESSAGE]`: what an API server answers to such requests; its kubeconfig is in KUBECONFIG. A section's
//!   text, if there is one, is the body
//! - `--- $ [NAME=VALUE …] ARGUMENTS`: the command, by default `render app.yaml`; `API` is the API server's address
//! - `--- METHOD PATH [CONTENT-TYPE]`: a request to a server in place of a command, with its body; there may be several
//! - `--- grpc`: a call with this text as `spark_application_manifest`, in place of a command
//! - `--- messages [UID]`: a call with the application in messages, with this uid
//! - `--- log TEXT`: the line of the log of the case's own server that has this text belongs to the answer
//! - `--- serve [NAME=VALUE …] ARGUMENTS`: the server that gets the request, where the shared one won't do; it submits to the API
//!   server of the sections before, or else to files
//! - `--- studio ARGUMENTS`: a studio, for templates in `t`; `POST` goes to it as its page sends it
//! - `--- many COUNT FILE`: files of the same content, with a number for `#`; `--- large BYTES FILE`; `--- link FILE TARGET`
//! - `--- latin1 FILE`: each `?` of the file's name and of its content is a byte that is not UTF-8
//! - `--- certificates KIND`: `tls.crt` and `tls.key`: `good`, `expired`, `later`, `nameless`, `soon`, `foreign` or
//!   `keyless`
//! - `--- exit CODE` or `--- status CODE`: the answer, which `UPDATE_GOLDEN=1` writes
//!
//! Read the answers as somebody who made the mistake.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::support::{
    api_server::{ApiServer, Effect, Fault, merge},
    kept_text,
    program::{Ended, call},
    serve::{Serve, exchange, kubeconfig},
    studio::Studio,
};
use native_submit::operator::wire::{
    self, RunAltSparkSubmitRequest, spark_submit_service_client::SparkSubmitServiceClient,
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use serde_json::{Value, json};
use std::{ffi::OsString, fs, os::unix::ffi::OsStringExt, path::Path, time::Duration};

const FOLDER: &str = "tests/it/messages";

/// A case as the table has it.
struct Case<'a> {
    what: &'a str,
    /// The first line without its dashes, and the text.
    sections: Vec<(&'a str, String)>,
}

fn cases(table: &str) -> Vec<Case<'_>> {
    let mut cases: Vec<Case> = Vec::new();
    for line in table.lines() {
        if let Some(what) = line.strip_prefix("=== ") {
            let sections = Vec::new();
            cases.push(Case { what, sections });
        } else if let Some(head) = line.strip_prefix("--- ") {
            cases.last_mut().unwrap().sections.push((head, String::new()));
        } else if let Some((_, text)) = cases.last_mut().and_then(|case| case.sections.last_mut()) {
            text.push_str(line);
            text.push('\n');
        } else {
            assert!(line.is_empty(), "outside of a section: {line}");
        }
    }
    cases
}

/// The words of a command line; quotes keep spaces, and `''` is an empty word.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for character in line.chars() {
        match character {
            '"' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            other => words.last_mut().unwrap().push(other),
        }
    }
    words
        .into_iter()
        .map(|word| if word == "''" { String::new() } else { word })
        .collect()
}

fn application(patch: &str) -> String {
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/spark-pi.yaml");
    let mut base: Value = serde_yaml::from_str(&fs::read_to_string(example).unwrap()).unwrap();
    if !patch.trim().is_empty() {
        merge(&mut base, &serde_yaml::from_str(patch).unwrap());
    }
    base.to_string()
}

fn leaked(word: &str) -> &'static str {
    word.to_owned().leak()
}

/// The servers that cases talk to.
struct Servers {
    runtime: tokio::runtime::Runtime,
    serve: Option<(Serve, tempfile::TempDir)>,
}

impl Servers {
    fn answer(&mut self, case: &Case) -> String {
        let work = tempfile::tempdir().unwrap();
        let mut command = None;
        let mut api: Option<ApiServer> = None;
        let mut serve: Option<Serve> = None;
        let mut studio: Option<Studio> = None;
        let mut logged = Vec::new();
        let mut answers = String::new();
        for (head, text) in &case.sections {
            let first = head.split(' ').next().unwrap();
            match first {
                "exit" | "status" => {}
                "$" => command = Some(head[1..].trim_start().to_owned()),
                "serve" => {
                    let (variables, arguments) = variables_first(&words(head)[1..]);
                    let out = format!("dir:{}/out", work.path().display());
                    let config = work.path().join("config");
                    let variables: Vec<_> = variables
                        .iter()
                        .map(|pair| pair.replace("WORK", work.path().to_str().unwrap()))
                        .collect();
                    let mut environment = pairs(&variables);
                    let mut flags: Vec<_> = arguments.iter().map(String::as_str).collect();
                    match &api {
                        Some(api) => {
                            fs::write(&config, kubeconfig(&api.url)).unwrap();
                            environment.push(("KUBECONFIG", config.to_str().unwrap()));
                        }
                        None => flags.extend(["--apply-to", &out]),
                    }
                    serve = Some(Serve::start(&flags, &environment));
                }
                "studio" => {
                    fs::create_dir_all(work.path().join("t")).unwrap();
                    let arguments = words(head);
                    let arguments: Vec<_> = arguments[1..].iter().map(String::as_str).collect();
                    studio = Some(Studio::start_in(work.path(), Path::new("t"), &arguments));
                }
                "GET" | "POST" | "PUT" => {
                    let text = text.trim_end();
                    let said = match (&studio, &serve) {
                        (Some(studio), _) => ask_studio(studio, head, text),
                        (None, Some(serve)) => request(serve, head, text),
                        (None, None) => request(self.shared(), head, text),
                    };
                    answers.push_str(&said.replace(work.path().to_str().unwrap(), "/work"));
                    answers.push_str(&lines_of_log(serve.as_ref(), &logged));
                }
                "grpc" | "messages" => {
                    let address = match &serve {
                        Some(serve) => serve,
                        None => self.shared(),
                    }
                    .grpc
                    .clone();
                    let request = if first == "grpc" {
                        with_manifest(text)
                    } else {
                        with_messages(head.split(' ').nth(1))
                    };
                    answers.push_str(&self.runtime.block_on(grpc(&address, request)));
                    answers.push_str(&lines_of_log(serve.as_ref(), &logged));
                }
                "log" => logged.push(&head["log ".len()..]),
                "api" => {
                    let api = api.get_or_insert_with(|| self.runtime.block_on(ApiServer::start()));
                    fault(api, head, text);
                }
                _ => write(work.path(), head, text),
            }
        }
        if !answers.is_empty() {
            return answers;
        }
        let command = command.unwrap_or_else(|| "render app.yaml".to_owned());
        ended(work.path(), &command, api.as_ref())
    }

    /// The server of all cases that need none of their own.
    fn shared(&mut self) -> &Serve {
        let (serve, _) = self.serve.get_or_insert_with(|| {
            let out = tempfile::tempdir().unwrap();
            let to = format!("dir:{}", out.path().display());
            (Serve::start(&["--apply-to", &to], &[]), out)
        });
        serve
    }
}

/// Writes the files of a section.
fn write(work: &Path, head: &str, text: &str) {
    match head.split(' ').next().unwrap() {
        "certificates" => certificates(work, head),
        "latin1" => {
            let of_latin1 = |byte| if byte == b'?' { 0xe9 } else { byte };
            let name = head["latin1 ".len()..].bytes().map(of_latin1).collect();
            let path = work.join(OsString::from_vec(name));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text.bytes().map(of_latin1).collect::<Vec<_>>()).unwrap();
        }
        "link" => {
            let (path, target) = head["link ".len()..].split_once(' ').unwrap();
            let path = work.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::os::unix::fs::symlink(target, path).unwrap();
        }
        "many" => {
            let (count, path) = head["many ".len()..].split_once(' ').unwrap();
            for number in 0..count.parse().unwrap() {
                let path = work.join(path.replace('#', &number.to_string()));
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, text).unwrap();
            }
        }
        "large" => {
            let (bytes, path) = head["large ".len()..].split_once(' ').unwrap();
            let path = work.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let bytes = bytes.parse::<usize>().unwrap();
            fs::write(path, "#".repeat(bytes) + text).unwrap();
        }
        "application" => fs::write(work.join("app.yaml"), application(text)).unwrap(),
        file => {
            let path = work.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }
}

/// How a command ended, and what it said.
fn ended(work: &Path, command: &str, api: Option<&ApiServer>) -> String {
    let url = api.map_or("http://none", |api| api.url.as_str());
    let words: Vec<_> = words(command)
        .iter()
        .map(|word| word.replace("k8s://API", &format!("k8s://{url}")))
        .collect();
    let (variables, arguments) = variables_first(&words);
    let mut environment = pairs(&variables);
    let place = work.to_str().unwrap();
    environment.push(("HOME", place));
    if api.is_some() {
        fs::write(work.join("config"), kubeconfig(url)).unwrap();
        environment.push(("KUBECONFIG", "config"));
    }
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let Ended { code, out, said } = call(work, &arguments, &environment);
    // Objects are not the message; what checks print on standard output is.
    let out = if out.starts_with("apiVersion") || out.starts_with("---") {
        String::new()
    } else {
        out
    };
    let said = format!("{out}{said}")
        .replace(url, "http://api")
        .replace(place, "/work");
    let lines: String = said
        .lines()
        .map(|line| without_days(untimed(line)) + "\n")
        .collect();
    format!("--- exit {code}\n{lines}")
}

/// The variables that words begin with, and the other words.
fn variables_first(words: &[String]) -> (Vec<String>, Vec<String>) {
    let is_variable = |word: &&String| {
        word.split_once('=').is_some_and(|(name, _)| {
            !name.is_empty() && !name.contains(|c: char| !c.is_ascii_uppercase() && c != '_')
        })
    };
    let (variables, others) = words.split_at(words.iter().take_while(is_variable).count());
    (variables.to_vec(), others.to_vec())
}

fn pairs(variables: &[String]) -> Vec<(&str, &str)> {
    variables
        .iter()
        .map(|word| word.split_once('=').unwrap())
        .collect()
}

fn request(serve: &Serve, head: &str, body: &str) -> String {
    let words: Vec<_> = head.splitn(3, ' ').collect();
    let headers = words.get(2).map(|kind| format!("Content-Type: {kind}\r\n"));
    let request = format!("{} {}", words[0], words[1]);
    let (status, answer) = exchange(
        &serve.rest,
        &request,
        &headers.unwrap_or_default(),
        body.as_bytes(),
    );
    let said = match serde_json::from_str::<Value>(&answer) {
        Ok(json) => format!(
            "{} {}",
            json["error_code"].as_str().unwrap_or("accepted:"),
            json["message"].as_str().unwrap_or_default()
        ),
        Err(_) => answer,
    };
    format!("--- status {status}\n{said}\n")
}

fn ask_studio(studio: &Studio, head: &str, body: &str) -> String {
    studio.settled("all applications are tried", |_| true);
    let path = head.split(' ').nth(1).unwrap();
    let (host, cookie) = (studio.host(), studio.cookie());
    let origin = format!("http://{host}");
    let headers = [("Host", &*host), ("Origin", &*origin), ("Cookie", &*cookie)];
    let (status, _, said) = studio.send(head.split(' ').next().unwrap(), path, &headers, body);
    format!("--- status {status}\n{said}\n")
}

/// The whole lines of the log, but for what else is in them, that have these texts.
fn lines_of_log(serve: Option<&Serve>, texts: &[&str]) -> String {
    let mut lines = String::new();
    for text in texts {
        let serve = serve.expect("a server of the case's own has a log");
        serve.wait_for_log(text);
        let log = serve.log();
        let line = log.lines().find(|line| line.contains(text)).unwrap();
        let line: Value = serde_json::from_str(line).unwrap();
        lines.extend(["log: ", line["message"].as_str().unwrap(), "\n"]);
    }
    lines
}

fn with_manifest(manifest: &str) -> RunAltSparkSubmitRequest {
    RunAltSparkSubmitRequest {
        submission_id: "a".to_owned(),
        spark_application_manifest: manifest.trim_end().as_bytes().to_vec(),
        ..RunAltSparkSubmitRequest::default()
    }
}

fn with_messages(uid: Option<&str>) -> RunAltSparkSubmitRequest {
    let given = |text: &str| Some(text.to_owned());
    let application = wire::SparkApplication {
        metadata: Some(wire::ObjectMeta {
            name: "a".to_owned(),
            namespace: "default".to_owned(),
            uid: uid.unwrap_or_default().to_owned(),
            ..wire::ObjectMeta::default()
        }),
        spec: Some(wire::SparkApplicationSpec {
            image: given("a"),
            main_class: given("A"),
            main_application_file: given("local:///a.jar"),
            driver: Some(wire::DriverSpec::default()),
            executor: Some(wire::ExecutorSpec::default()),
            ..wire::SparkApplicationSpec::default()
        }),
        ..wire::SparkApplication::default()
    };
    RunAltSparkSubmitRequest {
        submission_id: "a".to_owned(),
        spark_application: Some(application),
        ..RunAltSparkSubmitRequest::default()
    }
}

async fn grpc(address: &str, request: RunAltSparkSubmitRequest) -> String {
    let client = SparkSubmitServiceClient::connect(format!("http://{address}")).await;
    match client.unwrap().run_alt_spark_submit(request).await {
        Ok(reply) => {
            let reply = reply.into_inner();
            let warnings = reply.warnings.iter().map(|line| format!("warning: {line}\n"));
            let warnings: String = warnings.collect();
            format!(
                "--- status {}\n{}\n{warnings}",
                reply.success, reply.error_message
            )
        }
        Err(status) => format!("--- status {:?}\n{}\n", status.code(), status.message()),
    }
}

/// `tls.crt`, a server's certificate before its authority's, and `tls.key`.
fn certificates(folder: &Path, head: &str) {
    let kind = head.split(' ').nth(1).unwrap();
    let authority = || {
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
    };
    let signer = authority();
    let names = if kind == "nameless" {
        vec![]
    } else {
        vec!["a.spark".to_owned()]
    };
    let mut params = CertificateParams::new(names).unwrap();
    params.not_before = date_time_ymd(if kind == "later" { 2095 } else { 2020 }, 1, 1);
    params.not_after = date_time_ymd(if kind == "expired" { 2021 } else { 2100 }, 1, 1);
    if kind == "soon" {
        params.not_after = (std::time::SystemTime::now() + Duration::from_secs(5 * 24 * 3600)).into();
    }
    let key = KeyPair::generate().unwrap();
    let server = params.signed_by(&key, &signer).unwrap().pem();
    let issuer = if kind == "foreign" { authority() } else { signer };
    fs::write(folder.join("tls.crt"), server + &issuer.pem()).unwrap();
    let key = if kind == "keyless" {
        KeyPair::generate().unwrap()
    } else {
        key
    };
    fs::write(folder.join("tls.key"), key.serialize_pem()).unwrap();
}

/// A line without its number of days, which is another one tomorrow.
fn without_days(line: &str) -> String {
    let words: Vec<_> = line.split(' ').collect();
    let is_count = |at: usize| {
        words.get(at + 1).is_some_and(|next| next.starts_with("days")) && words[at].parse::<u32>().is_ok()
    };
    let words: Vec<_> = words
        .iter()
        .enumerate()
        .map(|(at, word)| if is_count(at) { "N" } else { word })
        .collect();
    words.join(" ")
}

/// A line of the log without its time.
fn untimed(line: &str) -> &str {
    const OF_SPARK: usize = "26/01/31 23:59:59 ".len();
    if let Some((field, _)) = line.split_once("creation time: ") {
        return &line[..field.len() + "creation time:".len()];
    }
    match line.split_once("Z ") {
        Some((time, rest)) if time.starts_with("20") => rest,
        _ if line.get(OF_SPARK..).is_some_and(|rest| rest.starts_with("INFO ")) => &line[OF_SPARK..],
        _ => line,
    }
}

fn fault(api: &ApiServer, head: &str, text: &str) {
    let words: Vec<_> = head.splitn(5, ' ').collect();
    let [_, verb, resource, code] = words[..4] else {
        panic!("{head}")
    };
    if code == "denied" {
        api.deny(verb, resource);
        return;
    }
    if code == "there" {
        api.put(leaked(resource), serde_yaml::from_str(text).unwrap());
        return;
    }
    let body = match (words.get(4), text.trim()) {
        (_, text) if !text.is_empty() => serde_yaml::from_str(text).unwrap(),
        (Some(message), _) => json!({"message": message, "reason": "Forbidden"}),
        (None, _) => json!({}),
    };
    let effect = Effect::Refuse(code.parse().unwrap(), body);
    api.fault(Fault::always(leaked(verb), leaked(resource), effect));
}

fn is_answer(head: &str) -> bool {
    head.starts_with("exit ") || head.starts_with("status ")
}

fn verify(name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FOLDER).join(name);
    let table = fs::read_to_string(path).unwrap();
    let mut servers = Servers {
        runtime: tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap(),
        serve: None,
    };
    let mut written = String::new();
    for case in cases(&table) {
        written.push_str("=== ");
        written.push_str(case.what);
        written.push('\n');
        for (head, text) in case.sections.iter().filter(|(head, _)| !is_answer(head)) {
            written.push_str(&format!("--- {head}\n{}\n", text.trim_end_matches('\n')).replace("\n\n", "\n"));
        }
        written.push_str(servers.answer(&case).trim_end_matches('\n'));
        written.push_str("\n\n");
    }
    let written = format!("{}\n", written.trim_end());
    kept_text::verify(&format!("{FOLDER}/{name}"), &written);
}

#[test]
fn messages_of_applications() {
    verify("applications.txt");
}

#[test]
fn messages_of_arguments() {
    verify("arguments.txt");
}

#[test]
fn messages_of_the_command_line() {
    verify("command_line.txt");
}

#[test]
fn messages_of_templates() {
    verify("templates.txt");
}

#[test]
fn messages_of_the_cluster() {
    verify("cluster.txt");
}

#[test]
fn messages_of_the_server() {
    verify("server.txt");
}

#[test]
fn messages_of_settings() {
    verify("settings.txt");
}

#[test]
fn messages_of_doctor() {
    verify("doctor.txt");
}

#[test]
fn messages_of_studio() {
    verify("studio.txt");
}

#[test]
fn messages_of_layouts() {
    verify("layouts.txt");
}
