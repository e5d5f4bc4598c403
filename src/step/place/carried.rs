//! Files carried as tar archives.

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// A tar of which everything is below another name: what was its first name is dropped. Without a name, what is in a
/// folder stands at the top. Whose it is stays in numbers alone, as the engine takes it: a name may be another one's there.
pub(in crate::step) fn renamed(tar: &[u8], name: Option<&str>) -> io::Result<Vec<u8>> {
    let moved = |path: &Path| -> PathBuf {
        let mut parts = path.components();
        parts.next();
        let name = Path::new(name.unwrap_or("."));
        // Joined with nothing it would end with a slash, as if a file were a folder.
        match parts.as_path() {
            rest if rest.as_os_str().is_empty() => name.to_owned(),
            rest => name.join(rest),
        }
    };
    let mut builder = tar::Builder::new(Vec::new());
    for entry in tar::Archive::new(tar).entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        let path: PathBuf = path
            .components()
            .filter(|part| *part != std::path::Component::CurDir)
            .collect();
        if name.is_none() && path.components().count() < 2 {
            continue;
        }
        let path = moved(&path);
        let mut header = entry.header().clone();
        header.set_size(entry.size());
        // An old header has no names.
        header.set_username("").and(header.set_groupname("")).ok();
        let kind = header.entry_type();
        match entry.link_name()?.map(std::borrow::Cow::into_owned) {
            Some(to) if kind.is_hard_link() => builder.append_link(&mut header, path, moved(&to))?,
            Some(to) => builder.append_link(&mut header, path, to)?,
            None => builder.append_data(&mut header, path, &mut entry)?,
        }
    }
    builder.into_inner()
}

/// A tar of one file with this content, its mode, and the numbers of its user and group.
pub(in crate::step) fn single(
    name: &str,
    content: &[u8],
    (mode, (user, group)): (u32, (u64, u64)),
) -> io::Result<Vec<u8>> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(mode);
    header.set_uid(user);
    header.set_gid(group);
    header.set_mtime(u64::try_from(jiff::Timestamp::now().as_second()).unwrap_or(0));
    builder.append_data(&mut header, name, content)?;
    builder.into_inner()
}

/// What is in the folder of a tar that has this name.
pub(in crate::step) fn names(tar: &[u8], folder: &str) -> io::Result<BTreeSet<PathBuf>> {
    let mut names = BTreeSet::new();
    for entry in tar::Archive::new(tar).entries()? {
        let path = entry?.path()?.into_owned();
        let name = path.strip_prefix(folder).unwrap_or(&path);
        names.extend((!name.as_os_str().is_empty()).then(|| name.to_owned()));
    }
    Ok(names)
}

/// The names of what is right in the folder that a tar is of; one that was cut off is told.
pub(in crate::step) fn entries(tar: &[u8]) -> io::Result<BTreeSet<String>> {
    if !tar.ends_with(&[0; 1024]) {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let mut archive = tar::Archive::new(tar);
    let mut entries = archive.entries()?;
    let Some(folder) = entries.next().transpose()? else {
        return Ok(BTreeSet::new());
    };
    let folder = folder.path()?.into_owned();
    let mut names = BTreeSet::new();
    for entry in entries {
        let path = entry?.path()?.into_owned();
        let below = path.strip_prefix(&folder).ok();
        let name = below.and_then(|below| below.components().next());
        names.extend(name.map(|name| name.as_os_str().to_string_lossy().into_owned()));
    }
    Ok(names)
}

/// Whose a tar's first entry is, and its content, as far as it is in what was read.
pub(in crate::step) fn first(tar: &[u8]) -> io::Result<(u64, u64, Vec<u8>)> {
    let mut archive = tar::Archive::new(tar);
    let Some(entry) = archive.entries()?.next() else {
        return Err(io::ErrorKind::UnexpectedEof.into());
    };
    let mut entry = entry?;
    let (user, group) = (entry.header().uid()?, entry.header().gid()?);
    let mut content = Vec::new();
    // What was not read is not wanted.
    entry.read_to_end(&mut content).ok();
    Ok((user, group, content))
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::{entries as entries_of, first, renamed, single};

    /// The entries of a tar: path, link or content.
    fn entries(tar: &[u8]) -> Vec<String> {
        let mut archive = tar::Archive::new(tar);
        let entries = archive.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            let path = entry.path().unwrap().display().to_string();
            let link = entry.link_name().unwrap().map(|to| format!(" -> {}", to.display()));
            let mut content = String::new();
            entry.read_to_string(&mut content).unwrap();
            format!("{path}{} {content}", link.unwrap_or_default())
        });
        entries.collect()
    }

    fn tree() -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        let header = |kind: tar::EntryType, size: usize| {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(kind);
            header.set_size(size as u64);
            header.set_mode(0o600);
            header
        };
        let long = format!("top/{}", "x".repeat(150));
        let add = |builder: &mut tar::Builder<Vec<u8>>, path: &str, text: &str| {
            builder
                .append_data(&mut header(tar::EntryType::Regular, text.len()), path, text.as_bytes())
                .unwrap();
        };
        builder
            .append_data(&mut header(tar::EntryType::Directory, 0), "top/", std::io::empty())
            .unwrap();
        add(&mut builder, "top/a", "A");
        add(&mut builder, &long, "L");
        builder
            .append_link(&mut header(tar::EntryType::Symlink, 0), "top/soft", "../b")
            .unwrap();
        builder
            .append_link(&mut header(tar::EntryType::Link, 0), "top/hard", "top/a")
            .unwrap();
        builder.into_inner().unwrap()
    }

    #[test]
    fn a_tar_gets_another_first_name() {
        let long = "x".repeat(150);
        let named = entries(&renamed(&tree(), Some("new")).unwrap());
        assert_eq!(
            named,
            [
                "new ".to_owned(),
                "new/a A".to_owned(),
                format!("new/{long} L"),
                "new/soft -> ../b ".to_owned(),
                "new/hard -> new/a ".to_owned(),
            ]
        );
        let inner = entries(&renamed(&tree(), None).unwrap());
        assert_eq!(inner.len(), 4);
        assert_eq!(inner[0].trim_start_matches("./"), "a A");
    }

    #[test]
    fn a_folder_has_what_is_right_in_it() {
        let mut builder = tar::Builder::new(Vec::new());
        for path in ["top/", "top/b/", "top/b/deep", "top/.hidden", "top/a"] {
            let mut header = tar::Header::new_gnu();
            header.set_size(0);
            builder.append_data(&mut header, path, std::io::empty()).unwrap();
        }
        let tar = builder.into_inner().unwrap();
        assert_eq!(
            entries_of(&tar).unwrap(),
            [".hidden", "a", "b"].map(str::to_owned).into()
        );
        assert!(entries_of(&tar[..512]).is_err(), "cut off behind a header");
    }

    #[test]
    fn a_file_is_told_by_its_first_entry() {
        let tar = single("a", b"text", (0o400, (7, 8))).unwrap();
        assert_eq!(first(&tar).unwrap(), (7, 8, b"text".to_vec()));
        assert_eq!(entries(&renamed(&tar, Some("b")).unwrap()), ["b text"]);
        assert!(first(b"").is_err());
    }
}
