//! Files in the fake engine's containers: a flat list of paths.

use std::collections::BTreeMap;
use std::io::{self, Cursor, Read};

use bytes::Bytes;

use crate::engine::PathStat;

const FOLDER: u32 = 1 << 31;

/// What stands at a path: a file, or a folder because files are below it.
pub(super) fn stat(files: &BTreeMap<String, Bytes>, path: &str) -> Option<PathStat> {
    let path = path.trim_end_matches('/');
    let name = path.rsplit('/').next().unwrap_or_default().to_owned();
    if let Some(content) = files.get(path) {
        return Some(PathStat {
            name,
            size: content.len() as u64,
            mode: 0o644,
            link: String::new(),
        });
    }
    let below = format!("{path}/");
    let exists = path.is_empty() || files.keys().any(|file| file.starts_with(&below));
    exists.then_some(PathStat {
        name,
        size: 4096,
        mode: FOLDER | 0o755,
        link: String::new(),
    })
}

/// A path as a tar, names below its last part as the engine writes them.
pub(super) fn pack(files: &BTreeMap<String, Bytes>, path: &str) -> io::Result<Bytes> {
    let path = path.trim_end_matches('/');
    let parent = path.rfind('/').map_or(0, |slash| slash + 1);
    let below = format!("{path}/");
    let mut tar = tar::Builder::new(Vec::new());
    for (file, content) in files
        .iter()
        .filter(|(file, _)| *file == path || file.starts_with(&below))
    {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        tar.append_data(&mut header, &file[parent..], content.as_ref())?;
    }
    Ok(tar.into_inner()?.into())
}

/// Unpacks the files of a tar at a folder.
pub(super) fn unpack(files: &mut BTreeMap<String, Bytes>, folder: &str, tar: &Bytes) -> io::Result<()> {
    let folder = folder.trim_end_matches('/');
    for entry in tar::Archive::new(Cursor::new(tar)).entries()? {
        let mut entry = entry?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let name = entry.path()?.to_string_lossy().trim_start_matches("./").to_owned();
        let mut content = Vec::new();
        entry.read_to_end(&mut content)?;
        files.insert(format!("{folder}/{name}"), content.into());
    }
    Ok(())
}
