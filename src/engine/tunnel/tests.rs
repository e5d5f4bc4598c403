//! Connections over ssh: which one a session goes through, and what is told of one that fails.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tokio::sync::Mutex;

use super::{AtomicUsize, Far, MAX_SESSIONS, Ssh, explained};

/// The way through an `ssh` that says back what it is told, as one that has logged in does.
fn through_an_echo(folder: &Path) -> Ssh {
    let program = folder.join("ssh");
    std::fs::write(&program, "#!/bin/sh\nexec cat\n").unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", folder.display());
    Ssh {
        far: Far {
            user: None,
            host: "far".to_owned(),
            port: None,
            socket: None,
        },
        folder: folder.to_owned(),
        env: BTreeMap::from([("PATH".to_owned(), path)]),
        masters: Mutex::default(),
        begun: AtomicUsize::new(0),
    }
}

#[tokio::test]
async fn no_session_goes_through_a_connection_that_has_ended() {
    let folder = tempfile::tempdir().unwrap();
    let ssh = through_an_echo(folder.path());
    let through = async || {
        let (control, session) = ssh.session().await.unwrap();
        let name = control.file_name().unwrap().to_string_lossy().into_owned();
        (name, session)
    };
    let mut sessions = Vec::new();
    for _ in 0..MAX_SESSIONS {
        sessions.push(through().await);
    }
    assert!(sessions.iter().all(|(name, _)| name == "ssh1"));
    let (second, held) = through().await;
    assert_eq!(second, "ssh2");
    ssh.masters.lock().await[0].process.ending.kill().await;
    drop(sessions);
    assert_eq!(through().await.0, "ssh2");
    ssh.masters.lock().await[0].process.ending.kill().await;
    // What an ended one has left there is in nobody's way.
    assert_eq!(through().await.0, "ssh3");
    drop(held);
}

#[test]
fn what_to_do_is_told_by_what_ssh_says() {
    for (told, hint) in [
        ("Host key verification failed.", "known_hosts"),
        ("core@h: Permission denied (publickey).", "ssh-add"),
        ("sh: 1: docker: not found", "docker tool"),
        (
            "ssh: Could not resolve hostname h: Name or service not known",
            "name right",
        ),
        (
            "failed to open the raw stream connection: dial unix /x: connect: permission denied",
            "group `docker`",
        ),
    ] {
        let explained = explained(Some(255), told);
        assert!(explained.starts_with(told) && explained.contains(hint), "{explained}");
    }
    assert_eq!(explained(Some(7), ""), "ssh ended with exit code 7");
}
