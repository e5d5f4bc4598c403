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
    api.change(format!("pull image `{reference}`"), LONG_LIMIT, |client| async move {
        // Not as an argument: bollard 0.21 writes base64 with `+` and `/`, which an engine takes for no credentials.
        let client = client.with_request_modifier(move |mut request| {
            if let Some(credentials) = &credentials {
                request.headers_mut().insert("x-registry-auth", credentials.clone());
            }
            request
        });
        let told = client.create_image(Some(options), None, None);
        told.try_for_each(|_| std::future::ready(Ok(()))).await
    })
    .await
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

/// What the docker configuration's `auths` have for the registry of a reference, as the engine wants to get it.
fn credentials(reference: &str, config: &Value) -> Option<HeaderValue> {
    let first = reference.split('/').next().filter(|_| reference.contains('/'))?;
    let own = first.contains('.') || first.contains(':') || first == "localhost";
    let registry = if own { first } else { "https://index.docker.io/v1/" };
    let auth = BASE64_STANDARD
        .decode(config["auths"][registry]["auth"].as_str()?)
        .ok()?;
    let auth = String::from_utf8(auth).ok()?;
    let (user, password) = auth.split_once(':')?;
    let sent = json!({"username": user, "password": password, "serveraddress": registry});
    HeaderValue::from_str(&BASE64_URL_SAFE.encode(sent.to_string())).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{credentials, split};

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
        for (reference, known) in [("r.org/a:1", true), ("x.org/a", false), ("team/a", true), ("a", false)] {
            assert_eq!(credentials(reference, &config).is_some(), known, "{reference}");
        }
    }
}
