//! This program, and what it needs to run where there is nothing else: in an image of its own.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use sha2::{Digest, Sha256};

/// Its own file: what it was started from, also where that has been removed, or has been replaced by another build.
const OWN: &str = "/proc/self/exe";
/// Where its libraries are in the image.
const LIBRARIES: &str = "lib";
/// Where it is in the image.
const NAME: &str = "e2erun";
/// Certificates that this machine trusts; there they are looked for in the same place.
const CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// This program with the libraries that it runs with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// What tells it from another build of it.
    pub id: String,
    /// How it is started in an image made of its files.
    pub argv: Vec<String>,
    /// The files of that image: from where, and where they are in it.
    pub files: Vec<(PathBuf, String)>,
}

/// This program as it runs now.
pub(super) fn program() -> io::Result<Program> {
    // What is mapped into this process is what it runs with, wherever it was found.
    Program::of(Path::new(OWN), &fs::read_to_string("/proc/self/maps")?)
}

impl Program {
    fn of(own: &Path, maps: &str) -> io::Result<Program> {
        let mapped: BTreeSet<&str> = maps.lines().filter_map(|line| line.split_whitespace().nth(5)).collect();
        let libraries = mapped.into_iter().filter(|path| is_library(path));
        let mut files = vec![(own.to_owned(), NAME.to_owned())];
        let mut argv = vec![format!("/{NAME}")];
        for path in libraries {
            let name = Path::new(path).file_name().unwrap_or_default().to_string_lossy();
            let to = format!("{LIBRARIES}/{name}");
            if name.starts_with("ld-") {
                let loader = [&format!("/{to}"), "--library-path", &format!("/{LIBRARIES}")];
                argv.splice(0..0, loader.map(str::to_owned));
            }
            files.push((path.into(), to));
        }
        let mut hash = Sha256::new();
        for (path, to) in &files {
            let about = fs::metadata(path)?;
            let modified = about
                .modified()?
                .duration_since(std::time::UNIX_EPOCH)
                .unwrap_or_default();
            hash.update(format!("{to} {} {}\n", about.len(), modified.as_nanos()));
        }
        let id = hash
            .finalize()
            .iter()
            .take(6)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        if Path::new(CERTIFICATES).exists() {
            files.push((CERTIFICATES.into(), CERTIFICATES.trim_start_matches('/').to_owned()));
        }
        Ok(Program { id, argv, files })
    }

    /// Its files as a tar.
    pub(super) fn pack(&self) -> io::Result<Bytes> {
        let mut tar = tar::Builder::new(Vec::new());
        // Engines do not read sparse files.
        tar.sparse(false);
        for (from, to) in &self.files {
            tar.append_path_with_name(from, to)?;
        }
        Ok(tar.into_inner()?.into())
    }
}

/// A shared library: `libc.so.6`, `ld-linux-x86-64.so.2`, `ld-musl-x86_64.so.1`.
fn is_library(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    path.starts_with('/') && (name.ends_with(".so") || name.contains(".so."))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Read;
    use std::process::{Command, Stdio};

    use super::{Program, program};

    /// Waits until it is told to, and then looks for itself.
    #[test]
    #[ignore = "a part of the next test"]
    fn half_of_a_program_whose_file_is_gone() {
        let mut told = String::new();
        std::io::stdin().read_to_string(&mut told).unwrap();
        assert!(program().unwrap().pack().unwrap().len() > 1 << 20);
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the file of this one is needed by others")]
    fn a_program_whose_file_is_gone_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("program");
        fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
        let half = "host::program::tests::half_of_a_program_whose_file_is_gone";
        let mut command = Command::new(&copy);
        command.args(["--ignored", "--exact", half]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        fs::remove_file(&copy).unwrap();
        drop(process.stdin.take());
        let output = process.wait_with_output().unwrap();
        let told = String::from_utf8_lossy(&output.stdout);
        assert!(told.contains("1 passed"), "{told}");
    }

    #[test]
    fn a_static_program_is_alone() {
        let own = std::env::current_exe().unwrap();
        let maps = "55-56 r-xp 0 fe:00 1 /usr/bin/e2erun\n77-78 rw-p 0 00:00 0 [heap]\n";
        let found = Program::of(&own, maps).unwrap();
        assert_eq!(found.argv, ["/e2erun"]);
        assert!(found.files.iter().all(|(_, to)| !to.starts_with("lib/")), "{found:?}");
    }

    #[test]
    fn this_one_comes_with_the_libraries_that_it_runs_with() {
        let found = program().unwrap();
        let libraries = found.files.iter().filter(|(_, to)| to.starts_with("lib/"));
        // A program that has libraries has a loader of them, and is started by it.
        assert_eq!(found.argv.len(), if libraries.count() > 0 { 4 } else { 1 }, "{found:?}");
        assert_eq!(found, program().unwrap());
    }
}
