//! Files and folders of this machine.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::{Rewrite, Standing};

/// The longest file that is read whole.
const TEXT_LIMIT: u64 = 64 * 1024 * 1024;
/// How much of a file is rewritten at once, up to the end of a line.
const PIECE: u64 = 1024 * 1024;
/// Folders are no deeper than this.
const DEPTH_LIMIT: usize = 200;

/// Runs something that blocks where it blocks nobody.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

pub(super) fn read_text(path: &Path) -> io::Result<String> {
    let bytes = read(path, TEXT_LIMIT)?;
    String::from_utf8(bytes)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "stream did not contain valid UTF-8"))
}

/// A file, whole.
pub(super) fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(too_long(limit));
    }
    Ok(bytes)
}

fn too_long(limit: u64) -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, format!("it is longer than {limit} bytes"))
}

/// What stands at a path, links followed.
pub(super) fn stat(path: &Path) -> io::Result<Option<Standing>> {
    match fs::metadata(path) {
        Ok(there) => Ok(Some(Standing {
            folder: there.is_dir(),
            size: there.len(),
            mode: there.mode() & 0o7777,
            user: there.uid(),
            group: there.gid(),
        })),
        Err(why) if matches!(why.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(why) => Err(why),
    }
}

/// A file or folder as a tar; the link at the top is followed.
pub(super) fn pack(path: &Path, name: &str, limit: usize) -> io::Result<Bytes> {
    let mut builder = tar::Builder::new(Limited {
        bytes: Vec::new(),
        limit,
    });
    builder.follow_symlinks(false);
    let path = fs::canonicalize(path)?;
    if path.is_dir() {
        builder.append_dir_all(name, &path)?;
    } else {
        builder.append_file(name, &mut File::open(&path)?)?;
    }
    Ok(builder.into_inner()?.bytes.into())
}

/// Takes in no more than so many bytes.
struct Limited {
    bytes: Vec<u8>,
    limit: usize,
}

impl Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > self.limit {
            return Err(too_long(self.limit as u64));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes a file. A link is replaced: what it points to may be the author's original.
pub(super) fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    match fs::symlink_metadata(path) {
        Ok(there) if there.is_symlink() => fs::remove_file(path)?,
        // A copy has its original's mode, also if that is not to be written to.
        Ok(there) if there.permissions().mode() & 0o200 == 0 => {
            fs::set_permissions(path, fs::Permissions::from_mode(there.permissions().mode() | 0o200))?;
        }
        _ => (),
    }
    fs::write(path, content)
}

/// Copies a file or a folder; a link at the top is followed, those below are copied as links.
pub(super) fn copy_tree(from: &Path, to: &Path) -> io::Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    copy(from, &fs::metadata(from)?, to, 0).map_err(|why| match why.get_ref() {
        Some(_) => why,
        None => io::Error::new(why.kind(), format!("copy `{}`: {why}", from.display())),
    })
}

fn copy(from: &Path, what: &fs::Metadata, to: &Path, depth: usize) -> io::Result<()> {
    if depth > DEPTH_LIMIT {
        return Err(io::Error::other(format!(
            "`{}` is more than {DEPTH_LIMIT} folders deep",
            from.display()
        )));
    }
    let kind = what.file_type();
    if kind.is_dir() {
        fs::create_dir_all(to)?;
        let entries: Vec<fs::DirEntry> = fs::read_dir(from)?.collect::<io::Result<_>>()?;
        for entry in entries {
            copy(
                &entry.path(),
                &entry.metadata()?,
                &to.join(entry.file_name()),
                depth + 1,
            )?;
        }
        // Last, for a folder that is not to be written to.
        return fs::set_permissions(to, what.permissions());
    }
    // Sockets and pipes are no content; docker leaves them out of a context, too.
    if kind.is_socket() || kind.is_fifo() {
        return Ok(());
    }
    if fs::symlink_metadata(to).is_ok_and(|there| !there.is_dir()) {
        fs::remove_file(to)?;
    }
    if kind.is_symlink() {
        symlink(fs::read_link(from)?, to)
    } else {
        fs::copy(from, to).map(drop)
    }
}

pub(super) fn unpack(tar: &[u8], folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    tar::Archive::new(tar).unpack(folder)
}

/// Unpacks the tar of one file or folder as it is read; what it calls `name` stands at a path afterwards, and nothing
/// of what stood there before.
pub(super) fn unpack_as(tar: impl Read, name: &str, to: &Path) -> io::Result<()> {
    let parent = to.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(parent)?;
    let folder = tempfile::tempdir_in(parent)?;
    tar::Archive::new(tar).unpack(folder.path()).map_err(cause)?;
    make_ours(folder.path())?;
    match fs::symlink_metadata(to) {
        Ok(there) if there.is_dir() => fs::remove_dir_all(to)?,
        Ok(_) => fs::remove_file(to)?,
        Err(_) => (),
    }
    fs::rename(folder.path().join(name), to)
}

/// What an archive's error comes from: itself it tells only which file it was at.
fn cause(why: io::Error) -> io::Error {
    let mut cause: &dyn std::error::Error = &why;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    io::Error::new(why.kind(), cause.to_string())
}

/// Lets the owner of files read, change and remove them, whatever their modes were elsewhere.
fn make_ours(path: &Path) -> io::Result<()> {
    let there = fs::symlink_metadata(path)?;
    if there.is_symlink() {
        return Ok(());
    }
    let mode = there.mode() & 0o7777 | if there.is_dir() { 0o700 } else { 0o600 };
    fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    if there.is_dir() {
        for entry in fs::read_dir(path)? {
            make_ours(&entry?.path())?;
        }
    }
    Ok(())
}

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

/// How many bytes are free where a path is, or would be when its folders are made.
pub(super) fn free_space(path: &Path) -> io::Result<u64> {
    let there = path.ancestors().find(|path| path.exists()).unwrap_or(Path::new("."));
    let space = rustix::fs::statvfs(there)?;
    Ok(space.f_bavail.saturating_mul(space.f_frsize))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::{copy_tree, free_space, pack, read_text, rewrite_texts, stat, unpack, unpack_as, write};

    #[test]
    fn a_tree_is_copied_with_links_and_modes_onto_what_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("a/to"));
        fs::create_dir_all(from.join("sub")).unwrap();
        fs::write(from.join("sub/run.sh"), "run").unwrap();
        fs::set_permissions(from.join("sub/run.sh"), fs::Permissions::from_mode(0o555)).unwrap();
        symlink("sub/run.sh", from.join("link")).unwrap();
        symlink("nowhere", from.join("dangling")).unwrap();
        for _ in 0..2 {
            copy_tree(&from, &to).unwrap();
            assert_eq!(fs::read_link(to.join("link")).unwrap().to_str(), Some("sub/run.sh"));
            assert!(to.join("dangling").is_symlink());
            assert_eq!(
                fs::metadata(to.join("sub/run.sh")).unwrap().permissions().mode() & 0o777,
                0o555
            );
        }
        copy_tree(&from.join("sub/run.sh"), &to.join("one/file")).unwrap();
        assert_eq!(read_text(&to.join("one/file")).unwrap(), "run");
        let why = copy_tree(&folder.path().join("missing"), &to).unwrap_err();
        assert_eq!(why.kind(), std::io::ErrorKind::NotFound);
    }

    #[test]
    fn writing_replaces_a_link_and_not_what_it_points_to() {
        let folder = tempfile::tempdir().unwrap();
        let (original, link) = (folder.path().join("original"), folder.path().join("link"));
        fs::write(&original, "original").unwrap();
        symlink(&original, &link).unwrap();
        write(&link, b"copy").unwrap();
        assert_eq!(
            (
                read_text(&original).unwrap().as_str(),
                read_text(&link).unwrap().as_str()
            ),
            ("original", "copy")
        );
        write(&folder.path().join("new/below/file"), b"x").unwrap();
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
    fn a_tree_is_packed_under_another_name_and_unpacked_again() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::create_dir_all(from.join("sub")).unwrap();
        fs::write(from.join("sub/a"), "A").unwrap();
        fs::set_permissions(from.join("sub/a"), fs::Permissions::from_mode(0o750)).unwrap();
        symlink("sub/a", from.join("link")).unwrap();
        unpack(&pack(&from, "new", 1 << 20).unwrap(), &to).unwrap();
        assert_eq!(read_text(&to.join("new/link")).unwrap(), "A");
        assert!(to.join("new/link").is_symlink());
        assert_eq!(stat(&to.join("new/sub/a")).unwrap().unwrap().mode, 0o750);
        unpack(&pack(&from.join("link"), "file", 1 << 20).unwrap(), &to).unwrap();
        assert!(!to.join("file").is_symlink());
        let why = pack(&from, "new", 1000).unwrap_err();
        assert_eq!(why.to_string(), "it is longer than 1000 bytes");
    }

    #[test]
    fn one_file_or_folder_is_unpacked_under_another_name_in_place_of_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("some/to"));
        fs::create_dir_all(from.join("sub")).unwrap();
        fs::write(from.join("sub/a"), "A").unwrap();
        let tar = pack(&from, "top", 1 << 20).unwrap();
        // As an engine packs it: readable for root alone.
        let closed = {
            let mut builder = tar::Builder::new(Vec::new());
            let mut header = tar::Header::new_gnu();
            header.set_size(1);
            header.set_mode(0);
            builder.append_data(&mut header, "file", b"F".as_slice()).unwrap();
            builder.into_inner().unwrap()
        };
        for _ in 0..2 {
            unpack_as(tar.as_ref(), "top", &to).unwrap();
            assert_eq!(read_text(&to.join("sub/a")).unwrap(), "A");
            unpack_as(closed.as_slice(), "file", &to).unwrap();
            assert_eq!(read_text(&to).unwrap(), "F");
        }
        let why = unpack_as(&tar[..700], "top", &to).unwrap_err();
        assert!(!why.to_string().is_empty());
        assert_eq!(read_text(&to).unwrap(), "F");
        assert_eq!(fs::read_dir(folder.path().join("some")).unwrap().count(), 1);
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

    #[test]
    fn what_stands_at_a_path_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "four").unwrap();
        let found = stat(&file).unwrap().unwrap();
        assert_eq!((found.folder, found.size), (false, 4));
        assert!(stat(folder.path()).unwrap().unwrap().folder);
        assert_eq!(stat(&file.join("below")).unwrap(), None);
        assert_eq!(stat(&folder.path().join("missing")).unwrap(), None);
    }

    #[test]
    fn space_is_told_also_where_nothing_is_yet() {
        assert!(free_space("/tmp/not/yet/there".as_ref()).unwrap() > 0);
    }
}
