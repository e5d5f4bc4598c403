//! What is hidden is hidden in what was collected, too: in the texts of files, and in their names.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::mask::{Hiding, Masks};

/// How much of a file is read at once.
const PIECE: u64 = if cfg!(test) { 4 << 10 } else { 1 << 20 };

/// Hides in all files below a folder but those that nothing stands in, and in their names; tells where it could not be
/// done, whatever it is the others are done.
pub(super) fn hide_in_files(folder: &Path, masks: &Masks, clean: &BTreeSet<PathBuf>) -> Vec<String> {
    let (mut folders, mut kept) = (vec![folder.to_owned()], Vec::new());
    let mut tried = |path: &Path, done: io::Result<()>| match done {
        Err(why) if why.kind() != io::ErrorKind::NotFound => kept.push(format!("`{}`: {why}", path.display())),
        _ => (),
    };
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).and_then(Iterator::collect::<io::Result<Vec<fs::DirEntry>>>);
        let entries = entries.unwrap_or_else(|why| {
            tried(&folder, Err(why));
            Vec::new()
        });
        for entry in entries {
            let path = hide_in_name(&folder, &entry.file_name().to_string_lossy(), masks).unwrap_or_else(|why| {
                tried(&entry.path(), Err(why));
                None
            });
            let is_clean = clean.contains(&entry.path());
            let path = path.unwrap_or_else(|| entry.path());
            match fs::symlink_metadata(&path) {
                Ok(_) if is_clean => (),
                Ok(there) if there.is_dir() => folders.push(path),
                Ok(there) if there.is_file() => tried(&path, hide_in_file(&path, masks)),
                Ok(there) if there.is_symlink() => tried(&path, hide_in_link(&path, masks)),
                Ok(_) => (),
                Err(why) => tried(&path, Err(why)),
            }
        }
    }
    kept
}

/// Gives a file a name with all hidden; of two of the same name the second gets a number.
fn hide_in_name(folder: &Path, name: &str, masks: &Masks) -> io::Result<Option<PathBuf>> {
    let hidden = masks.hide(name);
    if hidden == name {
        return Ok(None);
    }
    let numbered = (2..).map(|number| format!("{hidden}-{number}"));
    let mut paths = std::iter::once(hidden.clone())
        .chain(numbered)
        .map(|name| folder.join(name));
    let free = paths.find(|path| fs::symlink_metadata(path).is_err());
    let path = free.ok_or(io::ErrorKind::AlreadyExists)?;
    fs::rename(folder.join(name), &path)?;
    Ok(Some(path))
}

fn hide_in_link(path: &Path, masks: &Masks) -> io::Result<()> {
    let to = fs::read_link(path)?;
    let to = to.to_string_lossy();
    let hidden = masks.hide(&to);
    if hidden == to {
        return Ok(());
    }
    fs::remove_file(path)?;
    symlink(hidden, path)
}

fn hide_in_file(path: &Path, masks: &Masks) -> io::Result<()> {
    let mut from = BufReader::new(File::open(path)?);
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut to = BufWriter::new(tempfile::NamedTempFile::new_in(folder)?);
    let (mut hiding, mut piece) = (Hiding::default(), Vec::new());
    while from.by_ref().take(PIECE).read_to_end(&mut piece)? > 0 {
        to.write_all(&hiding.add(&piece, masks))?;
        piece.clear();
    }
    to.write_all(&hiding.end(masks))?;
    let written = to.into_inner().map_err(io::IntoInnerError::into_error)?;
    if hiding.has_hidden() {
        written.as_file().set_permissions(fs::metadata(path)?.permissions())?;
        written.persist(path)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::Path;

    use super::PIECE;
    use crate::host::file::read_text;
    use crate::mask::Masks;

    fn hidden_in(folder: &Path, masks: &Masks) -> Vec<String> {
        super::hide_in_files(folder, masks, &BTreeSet::new())
    }

    fn masks(values: &[&str]) -> Masks {
        let masks = Masks::default();
        masks.add(&values.iter().copied().collect());
        masks
    }

    #[test]
    fn texts_are_rewritten_and_other_bytes_stay() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("sub")).unwrap();
        let (log, other) = (folder.path().join("sub/log"), folder.path().join("other"));
        let mut long = vec![b'x'; 3_000_000];
        long.extend_from_slice(b"\nsecret\xffsecret");
        fs::write(&log, &long).unwrap();
        fs::write(&other, "nothing").unwrap();
        let kept = hidden_in(folder.path(), &masks(&["secret"]));
        assert_eq!(kept, Vec::<String>::new());
        let read = fs::read(&log).unwrap();
        assert_eq!(read.len(), 3_000_000 + 8);
        assert!(read.ends_with(b"x\n***\xff***"));
        assert_eq!(read_text(&other).unwrap(), "nothing");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_value_over_the_end_of_a_piece_is_hidden_whole() {
        const SECRET: &str = "first / line\nand the second line of it";
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let json = serde_json::to_string(SECRET).unwrap();
        let url = SECRET.replace(' ', "%20").replace('/', "%2F").replace('\n', "%0A");
        let base64 = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, SECRET);
        for form in [SECRET, json.trim_matches('"'), &url, &base64] {
            for before in 0..=form.len() {
                let filler = "-".repeat(usize::try_from(PIECE).unwrap() - before);
                fs::write(&log, format!("{filler}{form}\n- more")).unwrap();
                assert_eq!(hidden_in(folder.path(), &masks(&[SECRET])), Vec::<String>::new());
                let read = read_text(&log).unwrap();
                assert_eq!(&read[filler.len()..], "***\n- more", "{form} behind {before} bytes");
            }
        }
    }

    #[test]
    fn what_cannot_be_rewritten_keeps_nothing_else_from_it() {
        let folder = tempfile::tempdir().unwrap();
        // Root enters it all the same.
        let closed = folder.path().join("closed");
        fs::create_dir(&closed).unwrap();
        fs::write(closed.join("file"), "secret").unwrap();
        for name in ["a", "z"] {
            fs::write(folder.path().join(name), "secret").unwrap();
        }
        let hiding = masks(&["secret"]);
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
        let is_closed = fs::read_dir(&closed).is_err();
        let kept = hidden_in(folder.path(), &hiding);
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
        assert_eq!(kept.len(), usize::from(is_closed), "{kept:?}");
        for name in ["a", "z"] {
            assert_eq!(read_text(&folder.path().join(name)).unwrap(), "***");
        }
        assert_eq!(hidden_in(&folder.path().join("missing"), &hiding), Vec::<String>::new());
    }

    #[test]
    fn names_and_links_are_rewritten_and_none_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let hidden = folder.path().join("a-one");
        fs::create_dir_all(&hidden).unwrap();
        fs::write(hidden.join("two.txt"), "one").unwrap();
        fs::write(folder.path().join("a-two"), "other").unwrap();
        symlink("a-one/two.txt", folder.path().join("link")).unwrap();
        let kept = hidden_in(folder.path(), &masks(&["one", "two"]));
        assert_eq!(kept, Vec::<String>::new());
        let mut names: Vec<String> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["a-***", "a-***-2", "link"]);
        let folders = ["a-***", "a-***-2"].map(|name| folder.path().join(name));
        let folder_of = folders.iter().find(|path| path.is_dir()).unwrap();
        assert_eq!(read_text(&folder_of.join("***.txt")).unwrap(), "***");
        let link = fs::read_link(folder.path().join("link")).unwrap();
        assert_eq!(link.to_str(), Some("a-***/***.txt"));
    }
}
