//! URLs of http and https, as far as asking needs them: the path goes out as the author wrote it.
//!
//! A library of the WHATWG's rules would take `..` out of a path, which a test of a server's own care wants to send.

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

/// What no request line may have; a `%` stays, what is encoded already is not encoded again.
const ENCODED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// A URL in its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Url {
    /// True for `https`.
    pub(super) https: bool,
    /// The host, an IPv6 address without its brackets.
    pub(super) host: String,
    /// The port, also the scheme's own.
    pub(super) port: u16,
    /// User and password, decoded.
    pub(super) user: Option<(String, String)>,
    /// Path and query, encoded; it begins with `/`.
    pub(super) path: String,
}

impl std::fmt::Display for Url {
    /// Without user and password: it is shown in messages.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}{}", self.scheme(), self.authority(), self.path)
    }
}

/// Says what is wrong with a URL, if something is.
pub(crate) fn check(text: &str) -> Result<(), String> {
    Url::parse(text).map(drop)
}

impl Url {
    /// Reads a whole URL; an error says what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Url, String> {
        let (https, rest) = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (false, rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (true, rest),
            _ => return Err("it begins with neither `http://` nor `https://`".to_owned()),
        };
        let rest = without_fragment(rest);
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let (user, authority) = match authority.rsplit_once('@') {
            Some((user, authority)) => (Some(user_of(user)), authority),
            None => (None, authority),
        };
        let (host, port) = match authority.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
            Some((host, rest)) => (host, rest.strip_prefix(':').unwrap_or(rest)),
            None => authority.split_once(':').unwrap_or((authority, "")),
        };
        let bracketed = authority.starts_with('[');
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_') || (bracketed && c == ':');
        if host.is_empty() || !host.chars().all(plain) {
            return Err(format!("`{authority}` has no host that can be looked up"));
        }
        let own = if https { 443 } else { 80 };
        let port = if port.is_empty() {
            Some(own)
        } else {
            port.parse().ok().filter(|port| *port > 0)
        };
        let port = port.ok_or_else(|| format!("`{authority}` has no port that is one"))?;
        Ok(Url {
            https,
            host: host.to_ascii_lowercase(),
            port,
            user,
            path: encoded(path),
        })
    }

    /// The URL that a `location` names from here; nothing when it is none of http or https.
    pub(super) fn join(&self, location: &str) -> Option<Url> {
        let location = without_fragment(location.trim());
        let before = |part: &str| location.find(part).unwrap_or(usize::MAX);
        let is_whole = before(":") < before("/").min(before("?"));
        let mut url = if is_whole {
            Url::parse(location).ok()?
        } else if location.starts_with("//") {
            Url::parse(&format!("{}:{location}", self.scheme())).ok()?
        } else {
            Url {
                path: self.joined_path(location),
                ..self.clone()
            }
        };
        if url.user.is_none() && url.is_same_origin(self) {
            url.user.clone_from(&self.user);
        }
        Some(url)
    }

    fn joined_path(&self, location: &str) -> String {
        let own = self.path.split('?').next().unwrap_or("/");
        if location.is_empty() {
            return self.path.clone();
        }
        if location.starts_with('?') {
            return encoded(&format!("{own}{location}"));
        }
        let folder = own.rfind('/').map_or("/", |end| &own[..=end]);
        let whole = if location.starts_with('/') {
            location.to_owned()
        } else {
            format!("{folder}{location}")
        };
        let (path, query) = whole.split_at(whole.find('?').unwrap_or(whole.len()));
        encoded(&format!("{}{query}", without_dots(path)))
    }

    /// What `Host` says: the port only where it is not the scheme's own.
    pub(super) fn authority(&self) -> String {
        let host = if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        if self.port == if self.https { 443 } else { 80 } {
            host
        } else {
            format!("{host}:{}", self.port)
        }
    }

    /// True when both are of one server.
    pub(super) fn is_same_origin(&self, other: &Url) -> bool {
        (self.https, &self.host, self.port) == (other.https, &other.host, other.port)
    }

    fn scheme(&self) -> &'static str {
        if self.https { "https" } else { "http" }
    }
}

fn without_fragment(text: &str) -> &str {
    text.split('#').next().unwrap_or(text)
}

fn user_of(text: &str) -> (String, String) {
    let plain = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    (plain(user), plain(password))
}

fn encoded(path: &str) -> String {
    let root = if path.starts_with('/') { "" } else { "/" };
    format!("{root}{}", utf8_percent_encode(path, ENCODED))
}

/// A path without `.` and `..` (RFC 3986, 5.2.4).
fn without_dots(path: &str) -> String {
    let mut parts = Vec::new();
    let mut all = path.split('/').skip(1).peekable();
    while let Some(part) = all.next() {
        match part {
            "." | ".." => {
                if part == ".." {
                    parts.pop();
                }
                if all.peek().is_none() {
                    parts.push("");
                }
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::Url;

    fn check(text: &str, expected: &str) {
        let found = Url::parse(text).map(|url| format!("{} {} {}", url.authority(), url.path, url.port));
        assert_eq!(found.unwrap_or_else(|why| why), expected, "{text}");
    }

    #[test]
    fn reads_urls() {
        check("http://web", "web / 80");
        check("HTTPS://Web.test:443/a/../b", "web.test /a/../b 443");
        check("http://web:8080?a=1#b", "web:8080 /?a=1 8080");
        check("http://my_web:/a b?c=é&d=%20|", "my_web /a%20b?c=%C3%A9&d=%20%7C 80");
        check("https://[::1]:80/", "[::1]:80 / 80");
        check("http://bob:secret@web/", "web / 80");
        check("web/members", "it begins with neither `http://` nor `https://`");
        check("ftp://web/", "it begins with neither `http://` nor `https://`");
        check("http:///members", "`` has no host that can be looked up");
        check("http://a b/", "`a b` has no host that can be looked up");
        check("http://web:http/", "`web:http` has no port that is one");
        check("http://web:0/", "`web:0` has no port that is one");
        check("http://web:65536/", "`web:65536` has no port that is one");
        check("http://::1/", "`::1` has no host that can be looked up");
    }

    #[test]
    fn hides_user_and_password() {
        let url = Url::parse("http://bob:p%40ss@web/a").unwrap();
        assert_eq!(url.user, Some(("bob".into(), "p@ss".into())));
        assert_eq!(url.to_string(), "http://web/a");
    }

    fn check_join(location: &str, expected: &str) {
        let base = Url::parse("http://bob@web:8080/shop/cart/list?page=1").unwrap();
        let found = base.join(location);
        assert_eq!(
            found.map_or("none".to_owned(), |url| url.to_string()),
            expected,
            "{location}"
        );
    }

    #[test]
    fn follows_locations() {
        check_join("https://other/x", "https://other/x");
        check_join("//other:81/x", "http://other:81/x");
        check_join("/x?to=http://a/b", "http://web:8080/x?to=http://a/b");
        check_join("x?to=http://a/b#c", "http://web:8080/shop/cart/x?to=http://a/b");
        check_join("../x/./y", "http://web:8080/shop/x/y");
        check_join("../../../..", "http://web:8080/");
        check_join("..", "http://web:8080/shop/");
        check_join("?page=2", "http://web:8080/shop/cart/list?page=2");
        check_join("#top", "http://web:8080/shop/cart/list?page=1");
        check_join("mailto:a@b", "none");
    }

    #[test]
    fn a_location_of_the_same_server_keeps_the_user() {
        let base = Url::parse("http://bob@web/").unwrap();
        assert!(base.join("http://web:80/x").unwrap().user.is_some());
        assert!(base.join("http://web:81/x").unwrap().user.is_none());
    }
}
