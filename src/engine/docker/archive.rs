//! Files of a container, as tar streams.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use hyper::Method;
use serde_json::Value;

use super::api::Api;
use super::call::{Call, LONG_LIMIT};
use super::{containers, encode, read};
use crate::engine::{EngineResult, PathStat, Reason};

fn call(method: Method, container: &str, path: &str, attempt: String) -> Call {
    Call::new(
        method,
        format!("/containers/{}/archive", encode(container, "")),
        attempt,
    )
    .query("path", path)
}

/// What stands at a path; `None` if nothing does.
pub(super) async fn stat(api: &Api, container: &str, path: &str) -> EngineResult<Option<PathStat>> {
    let call = call(
        Method::HEAD,
        container,
        path,
        format!("look at `{path}` in container `{container}`"),
    );
    let answer = match api.head(&call).await {
        Ok(answer) => answer,
        // The answer has no text to tell a missing path from a missing container.
        Err(why) if why.reason == Reason::NotFound => {
            return containers::inspect(api, container).await.map(|_| None);
        }
        Err(why) => return Err(why),
    };
    let header = answer.headers().get("x-docker-container-path-stat");
    let decoded = header.and_then(|header| BASE64_STANDARD.decode(header.as_bytes()).ok());
    let stat: Option<Value> = decoded.and_then(|json| serde_json::from_slice(&json).ok());
    let Some(stat) = stat else {
        return Err(call.error("its answer cannot be read", Reason::Other));
    };
    Ok(Some(PathStat {
        name: read::text(&stat["name"]),
        size: stat["size"].as_u64().unwrap_or_default(),
        mode: stat["mode"]
            .as_u64()
            .and_then(|mode| u32::try_from(mode).ok())
            .unwrap_or_default(),
        link: read::text(&stat["linkTarget"]),
    }))
}

/// A path as a tar stream.
pub(super) async fn get(
    api: &Api,
    container: &str,
    path: &str,
) -> EngineResult<BoxStream<'static, EngineResult<Bytes>>> {
    api.stream(&call(
        Method::GET,
        container,
        path,
        format!("read `{path}` of container `{container}`"),
    ))
    .await
}

/// Unpacks a tar at a folder.
pub(super) async fn put(api: &Api, container: &str, folder: &str, tar: Bytes) -> EngineResult<()> {
    let call = call(
        Method::PUT,
        container,
        folder,
        format!("write to `{folder}` of container `{container}`"),
    );
    api.change(call.tar(tar).limit(LONG_LIMIT)).await.map(drop)
}
