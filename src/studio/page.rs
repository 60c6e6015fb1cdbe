//! The page's files, which are in the binary.

/// A file of the page.
pub(super) struct Asset {
    /// Its path.
    pub(super) path: &'static str,
    /// What it is.
    pub(super) content_type: &'static str,
    /// Its text.
    pub(super) text: &'static str,
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

macro_rules! assets {
    ($($path:literal = $file:literal $content_type:ident),* $(,)?) => {
        &[$(Asset {
            path: $path,
            content_type: $content_type,
            text: include_str!(concat!("page/", $file)),
        }),*]
    };
}

/// Every file of the page; the first is the page itself.
pub(super) const ASSETS: &[Asset] = assets![
    "/" = "index.html" HTML,
    "/style.css" = "style.css" CSS,
    "/icon.svg" = "icon.svg" SVG,
    "/main.js" = "main.js" JAVASCRIPT,
    "/server.js" = "server.js" JAVASCRIPT,
    "/dom.js" = "dom.js" JAVASCRIPT,
    "/code.js" = "code.js" JAVASCRIPT,
    "/lists.js" = "lists.js" JAVASCRIPT,
    "/tabs.js" = "tabs.js" JAVASCRIPT,
];
