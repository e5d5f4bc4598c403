//! What the secrets of a stack's own files hold is hidden from the moment at which it is known: a step may make their files,
//! and change them.

use std::path::Path;

use super::Case;
use crate::substitute::{Content, OwnSecret};

/// The longest one that is read; a swarm takes none of more than half a megabyte.
const LONGEST: u64 = 16 << 20;

/// Hides what they hold from here on; gives what is told of those that cannot be read.
pub(crate) async fn hide(case: &Case, secrets: &[OwnSecret]) -> Vec<String> {
    let mut unread = Vec::new();
    for secret in secrets {
        match &secret.content {
            Some(Content::Text { text, .. }) => case.emitter.hide_secret(text.as_bytes()),
            Some(Content::Path(path)) => match read(case, path).await {
                Ok(bytes) => bytes.iter().for_each(|bytes| case.emitter.hide_secret(bytes)),
                Err(why) => unread.push(format!(
                    "{}: what the secret `{}` holds is not hidden, `{}` cannot be read: {why}",
                    secret.at.place(),
                    secret.name,
                    path.display()
                )),
            },
            None => {}
        }
    }
    unread
}

/// The same of a stack that comes up: its secrets are known now, also what was late to be known of them.
pub(crate) async fn hide_of_stack(case: &Case, secrets: &[OwnSecret]) -> Vec<String> {
    let unread = hide(case, secrets).await;
    let mut state = case.state();
    for secret in secrets {
        if !state.own_secrets.contains(secret) {
            state.own_secrets.push(secret.clone());
        }
    }
    unread
}

/// The same once more at the end of a case, of all its stacks, as they were planned and as they came up.
pub(crate) async fn hide_again(case: &Case) {
    let came_up = case.state().own_secrets.clone();
    let planned = case.versions.iter().map(|stack| &stack.planned.own_secrets);
    for secrets in planned.chain([&came_up]) {
        // What cannot be read was told when the stack came up.
        hide(case, secrets).await;
    }
}

/// What is in a file; none where there is nothing, which whoever is to have it tells.
async fn read(case: &Case, path: &Path) -> Result<Option<Vec<u8>>, String> {
    match case.host.stat(path).await {
        Ok(None) => Ok(None),
        Ok(Some(there)) if there.plain => {
            let read = case.host.read_bytes(path, LONGEST).await;
            read.map(Some).map_err(|why| why.to_string())
        }
        Ok(Some(_)) => Err("it is no file".to_owned()),
        Err(why) => Err(why.to_string()),
    }
}
