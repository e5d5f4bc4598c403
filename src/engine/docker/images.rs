//! Images: asking for, pulling and naming them.

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE};
use futures_util::StreamExt;
use hyper::header::HeaderName;
use serde_json::{Value, json};

use super::api::Api;
use super::call::{Call, LONG_LIMIT};
use super::streams::json_lines;
use super::{encode, found, read};
use crate::engine::{EngineResult, Image, Reason};

/// An image by reference or id; `None` if it is not here.
pub(super) async fn image(api: &Api, reference: &str) -> EngineResult<Option<Image>> {
    let path = format!("/images/{}/json", encode(reference, "/"));
    let answer = found(api.json(&Call::get(path, format!("inspect image `{reference}`"))).await)?;
    Ok(answer.map(|raw| read::image(&raw)))
}

/// Pulls an image, with the credentials that the docker configuration has for its registry.
pub(super) async fn pull(api: &Api, reference: &str, config: &Value) -> EngineResult<()> {
    let attempt = format!("pull image `{reference}`");
    let (name, tag) = split(reference);
    let mut call = Call::post("/images/create".to_owned(), attempt.clone()).limit(LONG_LIMIT);
    // Without a tag the engine would pull all of them; a digest goes with the name.
    call = call.query("fromImage", name);
    if !name.contains('@') {
        call = call.query("tag", tag);
    }
    if let Some(credentials) = credentials(reference, config) {
        call = call.header(HeaderName::from_static("x-registry-auth"), credentials);
    }
    let (api, api_of_task) = (api, api.clone());
    api.finish(async move {
        let whole = async {
            let mut told = json_lines(api_of_task.stream(&call).await?, attempt);
            while let Some(progress) = told.next().await {
                if let Some(why) = progress?["error"].as_str() {
                    return Err(call.error(why, refusal(why)));
                }
            }
            Ok(())
        };
        let late = || Err(call.error(format!("it is not here after {LONG_LIMIT:?}"), Reason::Limit));
        tokio::time::timeout(LONG_LIMIT, whole).await.unwrap_or_else(|_| late())
    })
    .await
}

fn refusal(why: &str) -> Reason {
    if why.contains("not found") || why.contains("manifest unknown") {
        Reason::NotFound
    } else {
        Reason::Other
    }
}

/// Gives an image another reference.
pub(super) async fn tag(api: &Api, image: &str, reference: &str) -> EngineResult<()> {
    let (name, tag) = split(reference);
    let path = format!("/images/{}/tag", encode(image, "/"));
    let call = Call::post(path, format!("tag image `{image}` as `{reference}`"));
    api.change(call.query("repo", name).query("tag", tag)).await.map(drop)
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
fn credentials(reference: &str, config: &Value) -> Option<String> {
    let first = reference.split('/').next().filter(|_| reference.contains('/'))?;
    let own = first.contains('.') || first.contains(':') || first == "localhost";
    let registry = if own { first } else { "https://index.docker.io/v1/" };
    let auth = BASE64_STANDARD
        .decode(config["auths"][registry]["auth"].as_str()?)
        .ok()?;
    let auth = String::from_utf8(auth).ok()?;
    let (user, password) = auth.split_once(':')?;
    let sent = json!({"username": user, "password": password, "serveraddress": registry});
    Some(BASE64_URL_SAFE.encode(sent.to_string()))
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
