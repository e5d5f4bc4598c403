//! Texts in files rewritten, and the files' names: what is hidden is hidden in what was collected, too.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::Rewrite;

/// How much of a file is rewritten at once, up to the end of a line.
const PIECE: u64 = 1024 * 1024;

/// Rewrites all files below a folder, and their names; tells what could not be, whatever it is the others are rewritten.
pub(super) fn rewrite_texts(folder: &Path, rewrite: &Rewrite) -> Vec<String> {
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
            let path = rewrite_name(&folder, &entry.file_name().to_string_lossy(), rewrite).unwrap_or_else(|why| {
                tried(&entry.path(), Err(why));
                None
            });
            let path = path.unwrap_or_else(|| entry.path());
            match fs::symlink_metadata(&path) {
                Ok(there) if there.is_dir() => folders.push(path),
                Ok(there) if there.is_file() => tried(&path, rewrite_file(&path, rewrite)),
                Ok(there) if there.is_symlink() => tried(&path, rewrite_link(&path, rewrite)),
                Ok(_) => (),
                Err(why) => tried(&path, Err(why)),
            }
        }
    }
    kept
}

/// Gives a file its rewritten name, if that is another one; of two of the same name the second gets a number.
fn rewrite_name(folder: &Path, name: &str, rewrite: &Rewrite) -> io::Result<Option<PathBuf>> {
    let rewritten = rewrite(name);
    if rewritten == name {
        return Ok(None);
    }
    let numbered = (2..).map(|number| format!("{rewritten}-{number}"));
    let mut paths = std::iter::once(rewritten.clone())
        .chain(numbered)
        .map(|name| folder.join(name));
    let free = paths.find(|path| fs::symlink_metadata(path).is_err());
    let path = free.ok_or(io::ErrorKind::AlreadyExists)?;
    fs::rename(folder.join(name), &path)?;
    Ok(Some(path))
}

fn rewrite_link(path: &Path, rewrite: &Rewrite) -> io::Result<()> {
    let to = fs::read_link(path)?;
    let to = to.to_string_lossy();
    let rewritten = rewrite(&to);
    if rewritten == to {
        return Ok(());
    }
    fs::remove_file(path)?;
    symlink(rewritten, path)
}

fn rewrite_file(path: &Path, rewrite: &Rewrite) -> io::Result<()> {
    let mut from = BufReader::new(File::open(path)?);
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut to = BufWriter::new(tempfile::NamedTempFile::new_in(folder)?);
    let mut changed = false;
    loop {
        let mut piece = Vec::new();
        from.by_ref().take(PIECE).read_to_end(&mut piece)?;
        from.by_ref().take(PIECE).read_until(b'\n', &mut piece)?;
        if piece.is_empty() {
            break;
        }
        for part in piece.utf8_chunks() {
            let text = rewrite(part.valid());
            changed |= text != part.valid();
            to.write_all(text.as_bytes())?;
            to.write_all(part.invalid())?;
        }
    }
    let written = to.into_inner().map_err(io::IntoInnerError::into_error)?;
    if changed {
        written.as_file().set_permissions(fs::metadata(path)?.permissions())?;
        written.persist(path)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::rewrite_texts;
    use crate::host::file::read_text;

    #[test]
    fn texts_are_rewritten_and_other_bytes_stay() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("sub")).unwrap();
        let (log, other) = (folder.path().join("sub/log"), folder.path().join("other"));
        let mut long = vec![b'x'; 3_000_000];
        long.extend_from_slice(b"\nsecret\xffsecret");
        fs::write(&log, &long).unwrap();
        fs::write(&other, "nothing").unwrap();
        let kept = rewrite_texts(folder.path(), &|text| text.replace("secret", "***"));
        assert_eq!(kept, Vec::<String>::new());
        let read = fs::read(&log).unwrap();
        assert_eq!(read.len(), 3_000_000 + 8);
        assert!(read.ends_with(b"x\n***\xff***"));
        assert_eq!(read_text(&other).unwrap(), "nothing");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
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
        let rewrite = |text: &str| text.replace("secret", "***");
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
        let is_closed = fs::read_dir(&closed).is_err();
        let kept = rewrite_texts(folder.path(), &rewrite);
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
        assert_eq!(kept.len(), usize::from(is_closed), "{kept:?}");
        for name in ["a", "z"] {
            assert_eq!(read_text(&folder.path().join(name)).unwrap(), "***");
        }
        assert_eq!(
            rewrite_texts(&folder.path().join("missing"), &rewrite),
            Vec::<String>::new()
        );
    }

    #[test]
    fn names_and_links_are_rewritten_and_none_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let hidden = folder.path().join("a-one");
        fs::create_dir_all(&hidden).unwrap();
        fs::write(hidden.join("two.txt"), "one").unwrap();
        fs::write(folder.path().join("a-two"), "other").unwrap();
        symlink("a-one/two.txt", folder.path().join("link")).unwrap();
        let kept = rewrite_texts(folder.path(), &|text| text.replace("one", "***").replace("two", "***"));
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
