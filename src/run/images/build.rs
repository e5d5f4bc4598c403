//! The build of an image: its files put where the tool finds them, and the tool's last words where it fails.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::super::Env;
use super::super::attempt::shown;
use crate::engine::{Stream, Tool, ToolCall};
use crate::event::Fault;
use crate::host::Host;
use crate::image::{Build, ImagePlan};
use crate::lease::used_again;
use crate::plan::SCRATCH;
use crate::substitute::{self, Originals};

/// Lines of a failed build that the fault shows.
const LINES: usize = 30;

/// Builds an image, unless it is here and the cache is wanted.
pub(super) async fn built(env: &Env, image: &ImagePlan, build: &Build) -> Result<&'static str, Fault> {
    let engine = &env.unplaced().engine;
    env.lease.wants(&image.reference);
    if build.cache {
        let known = used_again(engine.as_ref(), &image.reference).await;
        if known.map_err(|error| Fault::error(error.to_string()))? {
            return Ok("cached");
        }
    }
    let folder = match &build.compose {
        // Its files name this folder.
        Some(compose) => compose.folder.clone(),
        None => env.folder(SCRATCH).join(image.slug()),
    };
    let mut call = match prepared(env, image, build, &folder).await {
        Ok(call) => call,
        Err(why) => {
            return Err(Fault::error(format!(
                "cannot prepare the build of {}: {why}",
                image.shown()
            )));
        }
    };
    call.limit = call.limit.mul_f64(env.timeout_scale);
    let limit = call.limit;
    let lines = Arc::new(Mutex::new(VecDeque::new()));
    let log = Arc::clone(&lines);
    let told = Arc::new(move |_: Stream, line: &str| {
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        if log.len() == LINES {
            log.pop_front();
        }
        log.push_back(line.to_owned());
    });
    let ended = engine.tool(call, told).await;
    let ended = ended.map_err(|error| Fault::error(format!("the build of {} failed: {error}", image.shown())))?;
    if ended.exit == Some(0) {
        return Ok("built");
    }
    let tail = lines
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .iter()
        .cloned()
        .collect::<Vec<_>>()
        .join("\n");
    let why = match ended.exit {
        Some(exit) => format!("exit code {exit}"),
        None => format!("it did not end within {}", shown(limit)),
    };
    Err(failed(env, image, build, (&why, &tail)))
}

/// Why a build failed, and what its tool said last. The compose tool knows only the copies, and the author only what they
/// are copies of.
fn failed(env: &Env, image: &ImagePlan, build: &Build, (why, said): (&str, &str)) -> Fault {
    let none = Originals::new();
    let originals = build.compose.as_ref().map_or(&none, |compose| &compose.originals);
    let said = substitute::of_originals(said, originals, &*env.files);
    let complaint = substitute::place_of(&said, originals, &*env.files);
    let fault = Fault::error(format!("the build of {} failed: {why}", image.shown()))
        .detail("Dockerfile", &build.source)
        .detail("last lines of the build", said);
    match complaint {
        Some(span) => fault.at(span.place()),
        None => fault,
    }
}

/// Puts the build's files where the tool finds them; gives the call.
async fn prepared(env: &Env, image: &ImagePlan, build: &Build, folder: &Path) -> io::Result<ToolCall> {
    let host = &env.host;
    match build {
        Build {
            compose: Some(compose), ..
        } => {
            for (path, text) in &compose.files {
                // What is hidden may be in it: it is nobody else's to read.
                host.write_hidden(&folder.join(path), text.as_bytes()).await?;
            }
            for copy in &compose.copies {
                host.copy_tree(&copy.from, &copy.to).await?;
                put(host.as_ref(), &copy.to, &copy.texts, &copy.add).await?;
            }
            let mut arguments = compose.arguments.clone();
            arguments.extend(["build".to_owned(), compose.service.clone()]);
            Ok(call(Tool::Compose, arguments, compose.env.clone(), folder, build.limit))
        }
        Build { compose: None, .. } => {
            let context = folder.join("context");
            match &build.context {
                Some(from) => host.copy_tree(from, &context).await?,
                None => host.make_folder(&context).await?,
            }
            put(host.as_ref(), &context, &build.dockerfiles, &build.add).await?;
            let mut arguments = vec!["build".to_owned(), "--tag".into(), image.reference.clone()];
            arguments.extend([
                "--file".to_owned(),
                context.join(&build.dockerfile).display().to_string(),
            ]);
            for (name, value) in &build.labels {
                arguments.extend(["--label".to_owned(), format!("{name}={value}")]);
            }
            for (name, value) in &build.args {
                arguments.extend(["--build-arg".to_owned(), format!("{name}={value}")]);
            }
            if let Some(target) = &build.target {
                arguments.extend(["--target".to_owned(), target.clone()]);
            }
            if !build.cache {
                arguments.push("--no-cache".to_owned());
            }
            arguments.push(context.display().to_string());
            Ok(call(Tool::Docker, arguments, BTreeMap::new(), folder, build.limit))
        }
    }
}

async fn put(
    host: &dyn Host,
    folder: &Path,
    texts: &BTreeMap<String, String>,
    add: &[(PathBuf, String)],
) -> io::Result<()> {
    for (from, to) in add {
        host.copy_tree(from, &folder.join(to)).await?;
    }
    for (path, text) in texts {
        host.write_file(&folder.join(path), text.as_bytes()).await?;
    }
    Ok(())
}

fn call(tool: Tool, arguments: Vec<String>, env: BTreeMap<String, String>, folder: &Path, limit: Duration) -> ToolCall {
    ToolCall {
        tool,
        arguments,
        env,
        folder: folder.to_path_buf(),
        stdin: None,
        limit,
    }
}
