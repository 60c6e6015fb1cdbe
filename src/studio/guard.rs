//! Who may talk to studio: the browser that was given the token, on a page that studio itself served.
//!
//! Any page that the author has open can send requests to loopback, and a name that it owns may lead there (DNS rebinding). So
//! the host must be the one that was printed, the origin its own, and a cookie must have the token.

use crate::hash::hex;
use axum::http::{HeaderMap, HeaderValue, Method, header};
use sha2::{Digest as _, Sha256};
use std::fmt;
use uuid::Uuid;

/// What every answer says: nothing from elsewhere is loaded, no script stands in the page, no text becomes markup, nobody frames it.
const POLICY: &str = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'; \
                      require-trusted-types-for 'script'";

/// How many bytes a token has.
const TOKEN_BYTES: usize = 16;

/// The token of one run, and the port that it is for.
#[derive(Clone)]
pub(super) struct Guard {
    token: String,
    port: u16,
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard")
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

impl Guard {
    /// A guard with a token of 128 bits that nobody can guess.
    pub(super) fn new(port: u16) -> Self {
        let (one, two) = (Uuid::new_v4(), Uuid::new_v4());
        let mut hasher = Sha256::new();
        hasher.update(one.as_bytes());
        hasher.update(two.as_bytes());
        Self {
            token: hex(&hasher.finalize(), TOKEN_BYTES),
            port,
        }
    }

    /// The address to open.
    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/?token={}", self.port, self.token)
    }

    /// The cookie that the page gets. Browsers keep cookies by host alone, so its name has the port.
    pub(super) fn cookie(&self) -> String {
        format!(
            "{}={}; HttpOnly; SameSite=Strict; Path=/",
            self.cookie_name(),
            self.token
        )
    }

    fn cookie_name(&self) -> String {
        format!("native-submit-studio-{}", self.port)
    }

    /// Whether a request may be answered.
    pub(super) fn admits(
        &self,
        method: &Method,
        path: &str,
        query: Option<&str>,
        headers: &HeaderMap,
    ) -> bool {
        let is_read = method == Method::GET;
        if !(is_read || method == Method::POST)
            || !self.is_own_host(headers)
            || !Self::is_own_origin(headers, is_read)
        {
            return false;
        }
        let by_url = is_read && path == "/" && query.is_some_and(|query| self.is_in_query(query));
        by_url || self.is_in_cookie(headers)
    }

    fn hosts(&self) -> [String; 2] {
        ["127.0.0.1", "localhost"].map(|host| format!("{host}:{}", self.port))
    }

    fn is_own_host(&self, headers: &HeaderMap) -> bool {
        only(headers, &header::HOST).is_some_and(|host| self.hosts().iter().any(|own| own == host))
    }

    /// What changes something says where it comes from; what reads may say nothing, as a typed address does.
    fn is_own_origin(headers: &HeaderMap, is_read: bool) -> bool {
        let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
        if site.is_some_and(|site| site != b"same-origin" && site != b"none") {
            return false;
        }
        if !headers.contains_key(header::ORIGIN) {
            return is_read;
        }
        let origin = only(headers, &header::ORIGIN).and_then(|origin| origin.strip_prefix("http://"));
        origin.is_some() && origin == only(headers, &header::HOST)
    }

    fn is_in_query(&self, query: &str) -> bool {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.any(|(name, value)| name == "token" && self.is_token(value))
    }

    fn is_in_cookie(&self, headers: &HeaderMap) -> bool {
        let name = self.cookie_name();
        let cookies = headers.get_all(header::COOKIE).iter();
        cookies
            .filter_map(|cookies| cookies.to_str().ok())
            .flat_map(|cookies| cookies.split(';'))
            .filter_map(|cookie| cookie.trim().split_once('='))
            .any(|(known, value)| known == name && self.is_token(value))
    }

    /// In a time that doesn't tell how much of it is right: hashes are compared.
    fn is_token(&self, given: &str) -> bool {
        Sha256::digest(given) == Sha256::digest(&self.token)
    }
}

/// The one value of a header.
fn only<'h>(headers: &'h HeaderMap, name: &header::HeaderName) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// What every answer says, refusals included.
pub(super) fn protect(headers: &mut HeaderMap) {
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    for (name, value) in [
        ("cross-origin-resource-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Header<'h> = (&'static str, &'h str);

    const HOST: Header<'static> = ("host", "127.0.0.1:4000");

    fn headers(pairs: &[Header<'_>]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn a_token_has_128_bits_and_is_another_one_each_time() {
        let (one, two) = (Guard::new(1), Guard::new(1));
        assert_eq!(one.token.len(), 32);
        assert_ne!(one.token, two.token);
        assert!(!format!("{one:?}").contains(&one.token));
    }

    #[test]
    fn only_the_own_page_with_the_token_is_answered() {
        let guard = Guard::new(4000);
        let token = format!("a=b; native-submit-studio-4000={}", guard.token);
        let of_another_port = format!("native-submit-studio-4001={}", guard.token);
        let (cookie, own) = (("cookie", &token[..]), ("origin", "http://127.0.0.1:4000"));
        let admitted: &[(&str, Method, &[Header<'_>])] = &[
            ("a page by cookie", Method::GET, &[HOST, cookie]),
            ("localhost", Method::GET, &[("host", "localhost:4000"), cookie]),
            ("a change by the own page", Method::POST, &[HOST, cookie, own]),
        ];
        let refused: &[(&str, Method, &[Header<'_>])] = &[
            ("no token", Method::GET, &[HOST]),
            ("no host", Method::GET, &[cookie]),
            (
                "a name that leads to loopback",
                Method::GET,
                &[("host", "evil.example:4000"), cookie],
            ),
            ("another port", Method::GET, &[("host", "127.0.0.1:4001"), cookie]),
            ("no port", Method::GET, &[("host", "127.0.0.1"), cookie]),
            ("two hosts", Method::GET, &[HOST, HOST, cookie]),
            ("a change without an origin", Method::POST, &[HOST, cookie]),
            (
                "a foreign origin",
                Method::GET,
                &[HOST, cookie, ("origin", "http://evil.example")],
            ),
            (
                "no origin at all",
                Method::POST,
                &[HOST, cookie, ("origin", "null")],
            ),
            (
                "the other name's origin",
                Method::POST,
                &[HOST, cookie, ("origin", "http://localhost:4000")],
            ),
            (
                "https",
                Method::POST,
                &[HOST, cookie, ("origin", "https://127.0.0.1:4000")],
            ),
            (
                "a cross-site read",
                Method::GET,
                &[HOST, cookie, ("sec-fetch-site", "cross-site")],
            ),
            ("another method", Method::PUT, &[HOST, cookie, own]),
            (
                "another port's cookie",
                Method::GET,
                &[HOST, ("cookie", &of_another_port)],
            ),
            (
                "a wrong token",
                Method::GET,
                &[HOST, ("cookie", "native-submit-studio-4000=0")],
            ),
        ];
        for (table, expected) in [(admitted, true), (refused, false)] {
            for (what, method, pairs) in table {
                let found = guard.admits(method, "/api/summary", None, &headers(pairs));
                assert_eq!(found, expected, "{what}");
            }
        }
    }

    #[test]
    fn the_token_in_the_query_opens_the_page_alone() {
        let guard = Guard::new(4000);
        let query = format!("token={}", guard.token);
        let admits =
            |path: &str, query: &str| guard.admits(&Method::GET, path, Some(query), &headers(&[HOST]));
        assert!(admits("/", &query));
        for (path, query) in [
            ("/api/summary", &query[..]),
            ("/", "token="),
            ("/", "token"),
            ("/", "x=1"),
        ] {
            assert!(!admits(path, query), "{path}?{query}");
        }
    }
}
