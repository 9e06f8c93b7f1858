//! Files in a folder that is somebody's.

use tempfile::TempDir;

use super::*;

/// Two files, the second in a folder, with padding in between.
fn places(dir: &Path) -> Vec<Place> {
    let place = |name: &str, start, bytes, is_padding| Place {
        path: dir.join(name),
        start,
        bytes,
        is_padding,
    };
    vec![place("both/a", 0, 5, false), place("pad", 5, 3, true), place("both/in/b", 8, 4, false)]
}

fn open(files: &Files) -> Storage {
    Storage { open: Arc::new(files.open().expect("opened")), files: files.clone() }
}

/// The names of all files below `dir`.
fn names(dir: &TempDir) -> Vec<String> {
    let mut names = Vec::new();
    let mut folders = vec![dir.path().to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            names.push(path.strip_prefix(dir).expect("below").to_string_lossy().into_owned());
            if path.is_dir() {
                folders.push(path);
            }
        }
    }
    names.sort();
    names
}

#[test]
fn a_file_has_another_name_until_it_is_finished() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let files = Files::wanted(places(dir.path()), false);
    files.refuse_what_is_there(true).expect("nothing is there");
    let storage = open(&files);
    storage.pwrite_all(0, 0, b"abcde").expect("written");
    storage.pwrite_all_vectored(2, 0, [IoSlice::new(b"w"), IoSlice::new(b"xyz")]).expect("written");
    assert_eq!(names(&dir), ["both", "both/a.part", "both/in", "both/in/b.part"]);
    assert_eq!(files.read(3..10, true).as_deref(), Some(&b"de\0\0\0wx"[..]));
    assert_eq!(files.read(0..1, false), None, "it does not have its own name yet");
    files.finish().expect("renamed");
    assert_eq!(names(&dir), ["both", "both/a", "both/in", "both/in/b"]);
    let mut heard = [0; 4];
    open(&Files::whole(places(dir.path()))).pread_exact(2, 0, &mut heard).expect("read");
    assert_eq!(&heard, b"wxyz");
}

#[test]
fn what_is_there_is_not_touched() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    fs::create_dir(dir.path().join("both")).expect("made");
    let theirs = dir.path().join("both/a");
    fs::write(&theirs, "mine").expect("written");
    let files = Files::wanted(places(dir.path()), false);
    let refused = files.refuse_what_is_there(true).expect_err("it is there").to_string();
    assert!(refused.contains("both/a is there already"), "{refused}");
    // It came only after it was looked for.
    open(&files).pwrite_all(0, 0, b"abcde").expect("written");
    files.finish().expect_err("it is there");
    assert_eq!(fs::read(&theirs).expect("there"), b"mine");
    let files = Files::wanted(places(dir.path()), true);
    files.refuse_what_is_there(true).expect("it may be replaced");
    assert_eq!(fs::read(&theirs).expect("there"), b"mine", "not before the end");
    files.finish().expect("renamed");
    assert_eq!(fs::read(&theirs).expect("there"), b"abcde");
}

#[test]
fn a_link_that_leads_nowhere_is_in_the_way() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let files = Files::wanted(vec![places(dir.path())[0].clone()], false);
    fs::create_dir(dir.path().join("both")).expect("made");
    std::os::unix::fs::symlink("/nowhere/at/all", dir.path().join("both/a.part")).expect("linked");
    files.refuse_what_is_there(true).expect_err("a link");
}

#[test]
fn what_came_to_nothing_is_taken_back() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    fs::create_dir(dir.path().join("both")).expect("made");
    fs::write(dir.path().join("both/a.part"), "abc").expect("left by an earlier run");
    let files = Files::wanted(places(dir.path()), false);
    open(&files).pwrite_all(2, 0, b"wx").expect("written");
    files.tidy(|_| false);
    assert_eq!(names(&dir), ["both", "both/a.part"]);
    open(&files).pwrite_all(2, 0, b"wx").expect("written");
    files.tidy(|span| span.start == 8);
    assert_eq!(names(&dir), ["both", "both/a.part", "both/in", "both/in/b.part"]);
}
