//! The data files of the digits example: which there are, and whether they are whole.
//!
//! The build script of `digits` and `cargo xtask` call [`check`] before they use a file, so that a missing or damaged one
//! is reported by its name and not as a strange accuracy.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// What a data file has to be.
#[derive(Clone, Copy, Debug)]
pub struct Expected {
    /// Its name in the data folder.
    pub name: &'static str,
    /// What it holds, in words.
    pub holds: &'static str,
    /// Its length.
    pub bytes: usize,
    /// Its SHA-256, as `sha256sum` prints it.
    pub sha256: &'static str,
}

/// Every file that the example needs.
pub const FILES: [Expected; 5] = [
    Expected {
        name: "digits-train-x.bin",
        holds: "1438 training images of 64 bytes",
        bytes: 92_032,
        sha256: "c7d866edd7dd55767b097a8bbe48258c90f47027388ef42c6c2cc89aa7e9c8bd",
    },
    Expected {
        name: "digits-train-y.bin",
        holds: "1438 training labels of one byte",
        bytes: 1_438,
        sha256: "c5a5ba04f14f293a77624c91f41bdd7f73b6495ef0ed7d8cf890d5b6633908cf",
    },
    Expected {
        name: "digits-test-x.bin",
        holds: "359 test images of 64 bytes",
        bytes: 22_976,
        sha256: "32db2c93c6aa3f03e1880d61f36dc1cb08ef2b7f6cf899a762ba8dc555b36538",
    },
    Expected {
        name: "digits-test-y.bin",
        holds: "359 test labels of one byte",
        bytes: 359,
        sha256: "ac864e225e221996a9a38cd498500277d4906ed30da1f7949514933cb09738ad",
    },
    Expected {
        name: "digits-reference.json",
        holds: "the reference training runs",
        bytes: 12_595,
        sha256: "ea96d20c5ffc8875150a7e237aa0aeaade6cdbfe66dfe71557d05f3705149599",
    },
];

/// One file that cannot be used.
#[derive(Debug)]
pub struct Problem {
    path: PathBuf,
    expected: Expected,
    found: Found,
}

#[derive(Debug)]
enum Found {
    Nothing,
    Unreadable(io::Error),
    Length(usize),
    Sha256(String),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Problem { path, expected, found } = self;
        let path = path.display();
        match found {
            Found::Nothing => write!(f, "{path} is missing")?,
            Found::Unreadable(why) => write!(f, "{path} cannot be read ({why})")?,
            Found::Length(bytes) => write!(f, "{path} is damaged: it has {bytes} bytes")?,
            Found::Sha256(sum) => write!(f, "{path} is damaged: its length is right, its SHA-256 is {sum}")?,
        }
        let Expected { name, holds, bytes, sha256 } = expected;
        write!(
            f,
            "; expected {holds}, {bytes} bytes, SHA-256 {sha256}. `git checkout -- examples/digits/data/{name}` brings it back."
        )
    }
}

/// The files of `folder` that are missing or damaged; none when all is well.
pub fn check(folder: &Path) -> Vec<Problem> {
    FILES.iter().filter_map(|expected| check_file(folder, expected)).collect()
}

fn check_file(folder: &Path, expected: &Expected) -> Option<Problem> {
    let path = folder.join(expected.name);
    let found = match fs::read(&path) {
        Err(why) if why.kind() == io::ErrorKind::NotFound => Found::Nothing,
        Err(why) => Found::Unreadable(why),
        Ok(content) if content.len() != expected.bytes => Found::Length(content.len()),
        Ok(content) => {
            let sum = hex(&Sha256::digest(&content));
            if sum == expected.sha256 {
                return None;
            }
            Found::Sha256(sum)
        }
    };
    Some(Problem { path, expected: *expected, found })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: &str = env!("CARGO_MANIFEST_DIR");

    /// A copy of the data in which one file went through `damage`.
    fn complaint(name: &str, damage: impl Fn(Vec<u8>) -> Option<Vec<u8>>) -> String {
        let folder = tempfile::tempdir().unwrap();
        for file in FILES {
            let whole = fs::read(Path::new(HERE).join(file.name)).unwrap();
            let content = if file.name == name { damage(whole) } else { Some(whole) };
            if let Some(content) = content {
                fs::write(folder.path().join(file.name), content).unwrap();
            }
        }
        let problems = check(folder.path());
        assert_eq!(problems.len(), 1, "{problems:?}");
        problems[0].to_string().replace(&format!("{}{}", folder.path().display(), std::path::MAIN_SEPARATOR), "")
    }

    #[test]
    fn the_files_in_the_repository_are_whole() {
        assert_eq!(check(Path::new(HERE)).len(), 0);
    }

    #[test]
    fn a_missing_file_is_named_with_what_it_should_be() {
        assert_eq!(
            complaint("digits-test-y.bin", |_| None),
            "digits-test-y.bin is missing; expected 359 test labels of one byte, 359 bytes, SHA-256 \
             ac864e225e221996a9a38cd498500277d4906ed30da1f7949514933cb09738ad. \
             `git checkout -- examples/digits/data/digits-test-y.bin` brings it back."
        );
    }

    #[test]
    fn a_short_file_is_told_from_a_changed_one() {
        let short = complaint("digits-train-x.bin", |x| Some(x[..90_000].to_vec()));
        assert!(short.starts_with("digits-train-x.bin is damaged: it has 90000 bytes; expected 1438 training images"));
        let changed = complaint("digits-train-x.bin", |mut x| {
            x[4711] ^= 1;
            Some(x)
        });
        assert!(
            changed.starts_with("digits-train-x.bin is damaged: its length is right, its SHA-256 is "),
            "{changed}"
        );
    }
}
