//! Folders that were dropped: every file in them, with its path.

use js_sys::{Array, Function, Promise};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{DataTransfer, File, FileSystemDirectoryEntry, FileSystemEntry, FileSystemFileEntry};

use super::intake::PathFile;

/// Deeper folders are not looked into.
const MAX_DEPTH: usize = 16;

/// What was dropped, taken out of the event while it is still there.
pub struct Dropped {
    entries: Vec<FileSystemEntry>,
    /// Files that have no entry, as browsers without the entries interface give them.
    files: Vec<File>,
}

impl Dropped {
    /// Must be called in the event's handler: the list is empty afterwards.
    pub fn take(transfer: &DataTransfer) -> Self {
        let items = transfer.items();
        let mut entries = Vec::new();
        for at in 0..items.length() {
            if let Some(entry) = items
                .get(at)
                .and_then(|item| item.webkit_get_as_entry().ok().flatten())
            {
                entries.push(entry);
            }
        }
        let files = if entries.is_empty() {
            files_of(transfer)
        } else {
            Vec::new()
        };
        Self { entries, files }
    }

    /// Every file, also those in folders. Files that cannot be read are left out, as the browser names no reason.
    pub async fn read(self) -> Vec<PathFile> {
        let mut found = super::intake::with_paths(self.files);
        let mut waiting: Vec<_> = self.entries.into_iter().map(|entry| (entry, 0)).collect();
        while let Some((entry, depth)) = waiting.pop() {
            if entry.is_directory() {
                if depth < MAX_DEPTH {
                    let children = children(entry.unchecked_into()).await;
                    waiting.extend(children.into_iter().map(|child| (child, depth + 1)));
                }
            } else if let Some(file) = file(entry.unchecked_ref()).await {
                let path = entry.full_path().trim_start_matches('/').to_owned();
                found.push(PathFile { path, file });
            }
        }
        found.sort_by(|a, b| a.path.cmp(&b.path));
        found
    }
}

/// The plain files of a drop or a paste.
pub fn files_of(transfer: &DataTransfer) -> Vec<File> {
    let list = transfer.files();
    list.map_or_else(Vec::new, |list| {
        (0..list.length()).filter_map(|at| list.get(at)).collect()
    })
}

/// Whether files are being dragged, rather than text or a link.
pub fn has_files(transfer: &DataTransfer) -> bool {
    transfer.types().includes(&JsValue::from_str("Files"), 0)
}

async fn file(entry: &FileSystemFileEntry) -> Option<File> {
    let promise = Promise::new(&mut |resolve: Function, reject: Function| {
        entry.file_with_callback_and_callback(&resolve, &reject);
    });
    JsFuture::from(promise).await.ok()?.dyn_into().ok()
}

/// A reader gives at most 100 entries at a time, and none at the end.
async fn children(directory: FileSystemDirectoryEntry) -> Vec<FileSystemEntry> {
    let reader = directory.create_reader();
    let mut children = Vec::new();
    loop {
        let promise = Promise::new(&mut |resolve: Function, reject: Function| {
            if let Err(error) = reader.read_entries_with_callback_and_callback(&resolve, &reject) {
                // A promise's own function does not throw.
                let _ = reject.call1(&JsValue::NULL, &error);
            }
        });
        let Ok(batch) = JsFuture::from(promise).await else {
            return children;
        };
        let batch = Array::from(&batch);
        if batch.length() == 0 {
            return children;
        }
        // Not checked with `dyn_into`: Chromium has these objects but no global class of that name.
        children.extend(batch.iter().map(JsCast::unchecked_into::<FileSystemEntry>));
    }
}
