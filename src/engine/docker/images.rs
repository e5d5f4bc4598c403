//! Pulling images, and how they are called.

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE};
use bollard::query_parameters::CreateImageOptions;
use futures_util::TryStreamExt;
use hyper::header::HeaderValue;
use serde_json::{Value, json};

use super::api::{Api, LONG_LIMIT};
use crate::engine::EngineResult;

/// Pulls an image, with the credentials that the docker configuration has for its registry.
pub(super) async fn pull(api: &Api, reference: &str, config: &Value) -> EngineResult<()> {
    let (name, tag) = split(reference);
    let options = CreateImageOptions {
        from_image: Some(name.to_owned()),
        // Without a tag the engine would pull all of them; a digest goes with the name.
        tag: Some(tag.to_owned()).filter(|tag| !tag.is_empty()),
        ..CreateImageOptions::default()
    };
    let credentials = credentials(reference, config);
    let helped = helped(reference, config).filter(|_| credentials.is_none());
    let pulled = api.change(format!("pull image `{reference}`"), LONG_LIMIT, |client| async move {
        // Not as an argument: bollard 0.21 writes base64 with `+` and `/`, which an engine takes for no credentials.
        let client = client.with_request_modifier(move |mut request| {
            if let Some(credentials) = &credentials {
                request.headers_mut().insert("x-registry-auth", credentials.clone());
            }
            request
        });
        let told = client.create_image(Some(options), None, None);
        told.try_for_each(|_| std::future::ready(Ok(()))).await
    });
    pulled.await.map_err(|mut why| {
        if let Some(registry) = helped {
            why.answer.push_str(&format!(
                " (the credentials of `{registry}` are in a helper, which e2erun does not ask: `docker pull` it first)"
            ));
        }
        why
    })
}

/// A reference as name and tag: `registry:5000/a/b` has none, so `latest`; a digest stays with the name.
pub(super) fn split(reference: &str) -> (&str, &str) {
    if reference.contains('@') {
        return (reference, "");
    }
    match reference.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, tag),
        _ => (reference, "latest"),
    }
}

/// What the docker configuration calls Docker's own registry.
const DOCKERS: &str = "https://index.docker.io/v1/";

/// The registry of a reference, as the docker configuration calls it.
fn registry(reference: &str) -> &str {
    let first = reference.split_once('/').map(|(first, _)| first);
    let is_host = |first: &&str| first.contains(['.', ':']) || *first == "localhost";
    let is_dockers = |first: &&str| matches!(*first, "docker.io" | "index.docker.io");
    first
        .filter(is_host)
        .filter(|first| !is_dockers(first))
        .unwrap_or(DOCKERS)
}

/// The registry of a reference whose credentials a helper keeps: one of its own, or the one for all that somebody logged
/// in to, whom `auths` names without a word more.
fn helped<'a>(reference: &'a str, config: &Value) -> Option<&'a str> {
    let registry = registry(reference);
    let stored = config["credsStore"].is_string() && config["auths"].get(registry).is_some();
    (config["credHelpers"][registry].is_string() || stored).then_some(registry)
}

/// What the docker configuration's `auths` have for the registry of a reference, as the engine wants to get it.
fn credentials(reference: &str, config: &Value) -> Option<HeaderValue> {
    let sent = login(registry(reference), config)?;
    HeaderValue::from_str(&BASE64_URL_SAFE.encode(sent.to_string())).ok()
}

/// The same, as it is before it is encoded: a token where there is one, which is as good as a user and a password.
fn login(registry: &str, config: &Value) -> Option<Value> {
    let entry = &config["auths"][registry];
    if let Some(token) = entry["identitytoken"].as_str().filter(|token| !token.is_empty()) {
        return Some(json!({"identitytoken": token}));
    }
    let auth = BASE64_STANDARD.decode(entry["auth"].as_str()?).ok()?;
    let auth = String::from_utf8(auth).ok()?;
    let (user, password) = auth.split_once(':')?;
    Some(json!({"username": user, "password": password, "serveraddress": registry}))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{credentials, helped, login, split};

    #[test]
    fn references_are_split_at_their_tag() {
        let references = [
            ("a", ("a", "latest")),
            ("a:1", ("a", "1")),
            ("r:5000/a", ("r:5000/a", "latest")),
            ("r:5000/a:b", ("r:5000/a", "b")),
            ("a@sha256:0", ("a@sha256:0", "")),
        ];
        for (reference, expected) in references {
            assert_eq!(split(reference), expected);
        }
    }

    #[test]
    fn credentials_are_those_of_the_references_registry() {
        let config = json!({"auths": {"r.org": {"auth": "dTpw"}, "https://index.docker.io/v1/": {"auth": "ZDpw"}}});
        let references = [
            ("r.org/a:1", true),
            ("x.org/a", false),
            ("team/a", true),
            ("docker.io/team/a", true),
            ("a", true),
        ];
        for (reference, known) in references {
            assert_eq!(credentials(reference, &config).is_some(), known, "{reference}");
        }
    }

    #[test]
    fn a_token_is_sent_as_one() {
        let config = json!({"auths": {"r.org": {"auth": "dTpw", "identitytoken": "t"}, "s.org": {"auth": "dTpw", "identitytoken": ""}}});
        assert_eq!(login("r.org", &config), Some(json!({"identitytoken": "t"})));
        assert_eq!(
            login("s.org", &config),
            Some(json!({"username": "u", "password": "p", "serveraddress": "s.org"}))
        );
        assert_eq!(login("x.org", &config), None);
    }

    #[test]
    fn credentials_in_a_helper_are_told_of_where_a_registry_has_some_there() {
        let own = json!({"credHelpers": {"r.org": "pass"}});
        let all = json!({"credsStore": "pass", "auths": {"r.org": {}}});
        for config in [&own, &all] {
            assert_eq!(helped("r.org/a:1", config), Some("r.org"));
            assert_eq!(helped("x.org/a", config), None);
            assert_eq!(helped("a", config), None);
        }
        assert_eq!(helped("r.org/a", &json!({"auths": {"r.org": {"auth": "dTpw"}}})), None);
    }
}
