//! A headless Chromium, driven by `WebDriver`: JSON over HTTP to `chromedriver`.

use serde_json::{Value, json};
use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// How long a page may take for what it is to show: far longer than it does, for the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// A browser with one page. It ends when this is dropped.
pub(crate) struct Browser {
    driver: Child,
    port: u16,
    session: String,
    _profile: tempfile::TempDir,
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = call(self.port, "DELETE", &format!("/session/{}", self.session), None);
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

impl Browser {
    /// Starts a browser with a window of this size.
    pub(crate) fn start(width: u32, height: u32) -> Self {
        Self::with(width, height, &[])
    }

    /// The same with further arguments.
    pub(crate) fn with(width: u32, height: u32, arguments: &[&str]) -> Self {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver; Debian has it as chromium-driver");
        let lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = lines
            .map_while(Result::ok)
            .find_map(|line| {
                line.split("successfully on port ")
                    .nth(1)?
                    .trim_end_matches('.')
                    .parse()
                    .ok()
            })
            .expect("chromedriver's port");
        let profile = tempfile::tempdir().unwrap();
        let mut given = vec![
            "--headless=new".to_owned(),
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--no-first-run".to_owned(),
            "--hide-scrollbars".to_owned(),
            format!("--window-size={width},{height}"),
            format!("--user-data-dir={}", profile.path().display()),
        ];
        given.extend(arguments.iter().map(ToString::to_string));
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": {"args": given},
            "goog:loggingPrefs": {"browser": "ALL"},
        }}});
        let answer = call(port, "POST", "/session", Some(&wanted)).unwrap();
        let session = answer["sessionId"].as_str().expect("a session").to_owned();
        Self {
            driver,
            port,
            session,
            _profile: profile,
        }
    }

    fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, String> {
        call(
            self.port,
            method,
            &format!("/session/{}{path}", self.session),
            body,
        )
    }

    /// Opens an address.
    pub(crate) fn open(&self, url: &str) {
        self.ask("POST", "/url", Some(&json!({"url": url}))).unwrap();
    }

    /// What a function's body gives, with these arguments.
    pub(crate) fn run(&self, script: &str, arguments: &[Value]) -> Value {
        let body = json!({"script": script, "args": arguments});
        self.ask("POST", "/execute/sync", Some(&body))
            .unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// Waits until an expression is true, and says what the page shows if it never is.
    pub(crate) fn wait(&self, what: &str, expression: &str) {
        let end = Instant::now() + PATIENCE;
        loop {
            if self.run(&format!("return Boolean({expression})"), &[]) == json!(true) {
                return;
            }
            let is_late = Instant::now() > end;
            assert!(
                !is_late,
                "{what}: {expression}\n{}\n{}",
                self.text("body"),
                self.log()
            );
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// The page itself notes when this holds first and is drawn: asking again and again would be slower than what is measured.
    pub(crate) fn note_when(&self, expression: &str) {
        let script = format!(
            "window.noted = null;
             const look = () => {{
                 if (window.noted !== null || !({expression})) return;
                 window.noted = 0;
                 observer.disconnect();
                 requestAnimationFrame(() => setTimeout(() => {{ window.noted = Date.now(); }}));
             }};
             const observer = new MutationObserver(look);
             observer.observe(document.body, {{ childList: true, subtree: true, characterData: true }});"
        );
        self.run(&script, &[]);
    }

    /// When [`Self::note_when`]'s expression held, by the clock of this machine.
    pub(crate) fn noted(&self) -> SystemTime {
        self.wait("what is noted", "window.noted");
        let noted = self.run("return window.noted", &[]).as_u64().unwrap();
        UNIX_EPOCH + Duration::from_millis(noted)
    }

    /// The visible text of an element.
    pub(crate) fn text(&self, selector: &str) -> String {
        let text = self.run(
            "return document.querySelector(arguments[0])?.innerText ?? ''",
            &[json!(selector)],
        );
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Clicks the element of a selector by the mouse.
    pub(crate) fn click(&self, selector: &str) {
        let found = self
            .ask(
                "POST",
                "/element",
                Some(&json!({"using": "css selector", "value": selector})),
            )
            .unwrap_or_else(|error| panic!("{selector}: {error}"));
        let id = found
            .as_object()
            .unwrap()
            .values()
            .next()
            .unwrap()
            .as_str()
            .unwrap()
            .to_owned();
        self.ask("POST", &format!("/element/{id}/click"), Some(&json!({})))
            .unwrap_or_else(|error| panic!("{selector}: {error}"));
    }

    /// Clicks the first of these elements that has a text in it.
    pub(crate) fn click_text(&self, selector: &str, text: &str) {
        let script = "const found = [...document.querySelectorAll(arguments[0])].find((one) => one.innerText.includes(arguments[1])); \
                      if (!found) return false; found.setAttribute('data-test', 'this'); return true";
        let found = self.run(script, &[json!(selector), json!(text)]);
        assert_eq!(
            found,
            json!(true),
            "{selector} with {text}:\n{}",
            self.text("body")
        );
        self.click("[data-test=this]");
        self.run(
            "document.querySelector('[data-test=this]')?.removeAttribute('data-test')",
            &[],
        );
    }

    /// Presses keys, as `WebDriver` writes them.
    pub(crate) fn press(&self, keys: &[&str]) {
        let actions: Vec<_> = keys
            .iter()
            .flat_map(|key| ["keyDown", "keyUp"].map(|kind| json!({"type": kind, "value": key})))
            .collect();
        let body = json!({"actions": [{"type": "key", "id": "keyboard", "actions": actions}]});
        self.ask("POST", "/actions", Some(&body)).unwrap();
    }

    /// What the page wrote to the console, errors above all.
    pub(crate) fn log(&self) -> String {
        let log = self.ask("POST", "/se/log", Some(&json!({"type": "browser"})));
        let entries = log.unwrap_or_default();
        let lines = entries.as_array().into_iter().flatten();
        lines
            .filter_map(|entry| entry["message"].as_str())
            .collect::<Vec<_>>()
            .join("\n")
    }

    fn devtools(&self, command: &str, parameters: &Value) {
        let body = json!({"cmd": command, "params": parameters});
        self.ask("POST", "/goog/cdp/execute", Some(&body)).unwrap();
    }

    /// Lets the page use the clipboard, as a reader's click does.
    pub(crate) fn allow_clipboard(&self) {
        let permissions = json!({"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]});
        self.devtools("Browser.grantPermissions", &permissions);
    }

    /// What is on the clipboard.
    pub(crate) fn clipboard(&self) -> String {
        let body = json!({"script": "const done = arguments[0]; navigator.clipboard.readText().then(done, (error) => done(String(error)))", "args": []});
        let text = self.ask("POST", "/execute/async", Some(&body)).unwrap();
        text.as_str().unwrap_or_default().to_owned()
    }

    /// What the system's setting says: `light` or `dark`.
    pub(crate) fn prefers(&self, scheme: &str) {
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.devtools("Emulation.setEmulatedMedia", &features);
    }

    /// Writes what is seen to a file.
    pub(crate) fn screenshot(&self, path: &Path) {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        let image = self.ask("GET", "/screenshot", None).unwrap();
        std::fs::write(path, STANDARD.decode(image.as_str().unwrap()).unwrap()).unwrap();
    }
}

/// One call to the driver.
fn call(port: u16, method: &str, path: &str, body: Option<&Value>) -> Result<Value, String> {
    let failed = |error: std::io::Error| error.to_string();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).map_err(failed)?;
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .map_err(failed)?;
    let body = body.map(Value::to_string).unwrap_or_default();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
    .map_err(failed)?;
    // The driver keeps the connection open, so the answer ends where it says.
    let mut answer = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        answer.read_line(&mut line).map_err(failed)?;
        if line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap_or_default();
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    answer.read_exact(&mut body).map_err(failed)?;
    let body: Value = serde_json::from_slice(&body).map_err(|error| error.to_string())?;
    if !head.starts_with("HTTP/1.1 200") {
        return Err(body["value"]["message"].as_str().unwrap_or(&head).to_owned());
    }
    Ok(body["value"].clone())
}
