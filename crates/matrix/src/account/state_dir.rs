//! The directory of a device: its lock, how it is encrypted, and what is kept there.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use matrix_sdk::{STATE_STORE_DATABASE_NAME, SqliteStateStore, SqliteStoreConfig, StateStore as _};
use matrix_sdk_sqlite::OpenStoreError;
use secrecy::ExposeSecret as _;

use super::kept::Kept;
use crate::MatrixConfig;

/// Where it is kept in the SDK's store.
pub(super) const KEPT: &[u8] = b"switchboard";

/// How many connections each of the SDK's databases may have.
const CONNECTIONS: usize = 4;

/// Why the state cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The file system does not let us.
    #[error("the state_dir {path} cannot be used")]
    Files {
        /// The file or directory.
        path: String,
        /// What the file system says.
        #[source]
        source: io::Error,
    },
    /// Another gateway has it open.
    #[error("the state_dir {0} is in use by another process")]
    InUse(String),
    /// The disk is full, a file is another user's, and the like.
    #[error("the state in {path} cannot be opened")]
    NotOpened {
        /// The directory.
        path: String,
        /// What the store says.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It was encrypted with another passphrase, or another key.
    #[error("the state in {path} cannot be decrypted; is the passphrase the one it was made with?")]
    Closed {
        /// The directory.
        path: String,
        /// What the store says.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It is open and cannot be read or written.
    #[error("the state in {path} is damaged")]
    Damaged {
        /// The directory.
        path: String,
        /// What the store says.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// The directory, held for as long as this lives.
#[derive(Debug)]
pub(crate) struct StateDir {
    path: PathBuf,
    _lock: File,
}

impl StateDir {
    /// Makes the directory if need be, and locks it: two processes with one device break its encryption.
    pub(super) fn hold(path: &Path) -> Result<Self, StateError> {
        let failed = |source| StateError::Files { path: path.display().to_string(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
        let lock = private().write(true).open(path.join("lock")).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(StateError::InUse(path.display().to_string())),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    /// Moves the state of a former device out of the way. It is not deleted: it has keys.
    pub(super) fn set_aside(&self, device: &str) -> Result<(), StateError> {
        let aside = (0..).map(|number: u32| match number {
            0 => self.path.join(format!("replaced-{device}")),
            number => self.path.join(format!("replaced-{device}-{number}")),
        });
        let aside = aside.into_iter().find(|path| !path.exists()).expect("numbers do not end");
        fs::rename(store(&self.path), aside).map_err(|source| self.failed(source))
    }

    fn failed(&self, source: io::Error) -> StateError {
        StateError::Files { path: self.path.display().to_string(), source }
    }
}

/// Where the SDK keeps its databases.
pub(super) fn store(dir: &Path) -> PathBuf {
    dir.join("store")
}

/// How the state is opened: with the configured passphrase, or with the key that lies beside it.
pub(super) fn opening(config: &MatrixConfig) -> Result<SqliteStoreConfig, StateError> {
    let store = SqliteStoreConfig::new(store(&config.state_dir)).pool_max_size(CONNECTIONS);
    if let Some(passphrase) = &config.passphrase {
        return Ok(store.passphrase(Some(passphrase.expose_secret())));
    }
    let path = config.state_dir.join("key");
    let key = key(&path);
    let key = key.map_err(|source| StateError::Files { path: path.display().to_string(), source })?;
    Ok(store.key(Some(&key)))
}

/// Reads the key, or makes it if there is none.
fn key(path: &Path) -> io::Result<[u8; 32]> {
    match fs::read(path) {
        Ok(key) if !key.is_empty() => {
            let odd = |_| io::Error::new(io::ErrorKind::InvalidData, "it has not 32 bytes");
            return key.try_into().map_err(odd);
        }
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(io::Error::other)?;
    let mut file = private().write(true).truncate(true).open(path)?;
    file.write_all(&key)?;
    file.sync_all()?;
    Ok(key)
}

/// What is kept in the state. `None` if there is no state yet. Does not disturb a gateway that uses it.
pub(crate) async fn look(config: &MatrixConfig) -> Result<Option<Kept>, StateError> {
    let path = config.state_dir.display().to_string();
    if !store(&config.state_dir).join(STATE_STORE_DATABASE_NAME).exists() {
        return Ok(None);
    }
    let opened = SqliteStateStore::open_with_config(&opening(config)?).await;
    let opened = opened.map_err(|error| not_opened(config, error))?;
    let value = opened.get_custom_value(KEPT).await;
    let value = value.map_err(|error| StateError::Damaged { path: path.clone(), source: error.into() })?;
    value.map(|value| read(&value, &path)).transpose()
}

/// Why the SDK's store is not open.
pub(super) fn not_opened(config: &MatrixConfig, error: OpenStoreError) -> StateError {
    let path = config.state_dir.display().to_string();
    match error {
        error @ OpenStoreError::InitCipher(_) => StateError::Closed { path, source: error.into() },
        other => StateError::NotOpened { path, source: other.into() },
    }
}

fn read(value: &[u8], path: &str) -> Result<Kept, StateError> {
    serde_json::from_slice(value)
        .map_err(|error| StateError::Damaged { path: path.to_owned(), source: error.into() })
}

/// For a file that only its owner may read.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.create(true).mode(0o600);
    options
}
