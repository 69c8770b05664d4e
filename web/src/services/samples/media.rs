//! The browser objects behind the samples: files, thumbnails, embeddings, and the trained model.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::hash::Hasher;
use std::rc::Rc;

use headstart_project::{BackboneChoice, ImageLook, SampleId};
use js_sys::{Float32Array, Uint8Array};
use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher13;
use web_sys::{Blob, Url};
use yew::AttrValue;

use crate::state::project::ClassId;

/// What makes two files worth comparing: their length and their beginning.
/// It is kept with the file and compared with those of later years, so it must never come out differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fingerprint {
    length: u64,
    beginning: u64,
}

impl Fingerprint {
    /// Of a file of `length` bytes that begins with `prefix`.
    pub fn new(length: f64, prefix: &[u8]) -> Self {
        // Whatever the standard library's own hasher becomes, this is what it was when the first files were kept: SipHash-1-3 without a key, over the length as the 32-bit page writes it and the bytes.
        let mut hasher = SipHasher13::new();
        hasher.write(&(prefix.len() as u32).to_le_bytes());
        hasher.write(prefix);
        Self {
            length: length as u64,
            beginning: hasher.finish(),
        }
    }
}

/// A file that was accepted into a class.
pub struct NewFile {
    pub file: Blob,
    pub class: ClassKey,
    /// Absent for recorded pictures, which are never compared.
    pub fingerprint: Option<Fingerprint>,
}

/// The class that a file went to, by id or, before its class exists, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClassKey {
    Id(ClassId),
    Name(Rc<str>),
}

/// A file that may have the same bytes as a new one.
pub struct Twin {
    pub id: SampleId,
    pub file: Blob,
    pub class: ClassKey,
}

struct Entry {
    file: Blob,
    class: ClassKey,
    fingerprint: Option<Fingerprint>,
    /// Made when the file is first shown before its thumbnail is there.
    original_url: Option<ObjectUrl>,
    thumbnail: Option<Thumbnail>,
    embedding: Option<Float32Array>,
    /// There from the same moment on as the first embedding.
    look: Option<ImageLook>,
}

struct Thumbnail {
    blob: Blob,
    url: ObjectUrl,
}

impl Thumbnail {
    fn new(blob: Blob) -> Option<Self> {
        let url = ObjectUrl::new(&blob)?;
        Some(Self { blob, url })
    }
}

/// What was kept of an image.
pub struct Kept {
    pub id: SampleId,
    pub file: Blob,
    pub class: ClassId,
    pub fingerprint: Option<Fingerprint>,
    pub thumbnail: Option<Blob>,
    pub embedding: Option<(Float32Array, ImageLook)>,
}

/// The store. Clones share it.
#[derive(Clone, Default)]
pub struct Media(Rc<RefCell<Store>>);

#[derive(Default)]
struct Store {
    entries: HashMap<SampleId, Entry>,
    by_fingerprint: HashMap<Fingerprint, Vec<SampleId>>,
    model: Option<Uint8Array>,
    /// Whose embeddings these are.
    backbone: BackboneChoice,
    last_id: u32,
}

/// An object URL that is given back when it is dropped.
pub struct ObjectUrl(AttrValue);

impl ObjectUrl {
    /// `None` when the browser refuses to make one.
    pub fn new(blob: &Blob) -> Option<Self> {
        Some(Self(Url::create_object_url_with_blob(blob).ok()?.into()))
    }

    pub fn get(&self) -> AttrValue {
        self.0.clone()
    }
}

impl Drop for ObjectUrl {
    fn drop(&mut self) {
        // Only fails for arguments that are no strings.
        let _ = Url::revoke_object_url(&self.0);
    }
}

impl Media {
    /// Takes a file in and names it. Ids grow, and are never used twice.
    pub fn add(&self, new: NewFile) -> SampleId {
        let store = &mut *self.0.borrow_mut();
        store.last_id += 1;
        let id = SampleId(store.last_id);
        if let Some(fingerprint) = new.fingerprint {
            store
                .by_fingerprint
                .entry(fingerprint)
                .or_default()
                .push(id);
        }
        let entry = Entry {
            file: new.file,
            class: new.class,
            fingerprint: new.fingerprint,
            original_url: None,
            thumbnail: None,
            embedding: None,
            look: None,
        };
        store.entries.insert(id, entry);
        id
    }

    /// Files with this fingerprint.
    pub fn twins(&self, fingerprint: Fingerprint) -> Vec<Twin> {
        let store = self.0.borrow();
        let ids = store.by_fingerprint.get(&fingerprint);
        ids.into_iter()
            .flatten()
            .filter_map(|&id| {
                let entry = store.entries.get(&id)?;
                Some(Twin {
                    id,
                    file: entry.file.clone(),
                    class: entry.class.clone(),
                })
            })
            .collect()
    }

    /// Lets go of every image that is not in `kept` and that the state has seen, which is every id up to `highest_seen`.
    pub fn keep(&self, kept: &HashSet<SampleId>, highest_seen: u32) {
        let store = &mut *self.0.borrow_mut();
        let by_fingerprint = &mut store.by_fingerprint;
        store.entries.retain(|id, entry| {
            let stays = id.0 > highest_seen || kept.contains(id);
            if let (false, Some(fingerprint)) = (stays, entry.fingerprint)
                && let Some(ids) = by_fingerprint.get_mut(&fingerprint)
            {
                ids.retain(|other| other != id);
                if ids.is_empty() {
                    by_fingerprint.remove(&fingerprint);
                }
            }
            stays
        });
    }

    /// What to show for an image: its thumbnail, or the file itself until that is there.
    pub fn source(&self, id: SampleId) -> Option<AttrValue> {
        let mut store = self.0.borrow_mut();
        let entry = store.entries.get_mut(&id)?;
        if let Some(thumbnail) = &entry.thumbnail {
            return Some(thumbnail.url.get());
        }
        if entry.original_url.is_none() {
            entry.original_url = ObjectUrl::new(&entry.file);
        }
        entry.original_url.as_ref().map(ObjectUrl::get)
    }

    /// The original's address stays valid beside the thumbnail's, because the page may still be loading it.
    pub fn set_thumbnail(&self, id: SampleId, thumbnail: &Blob) {
        if let Some(entry) = self.0.borrow_mut().entries.get_mut(&id) {
            entry.thumbnail = Thumbnail::new(thumbnail.clone());
        }
    }

    pub fn thumbnail(&self, id: SampleId) -> Option<Blob> {
        let store = self.0.borrow();
        let thumbnail = store.entries.get(&id)?.thumbnail.as_ref()?;
        Some(thumbnail.blob.clone())
    }

    pub fn fingerprint(&self, id: SampleId) -> Option<Fingerprint> {
        self.0.borrow().entries.get(&id)?.fingerprint
    }

    /// Bytes of these images' files.
    pub fn bytes(&self, ids: impl Iterator<Item = SampleId>) -> f64 {
        let store = self.0.borrow();
        ids.filter_map(|id| Some(store.entries.get(&id)?.file.size()))
            .sum()
    }

    /// Takes in what was kept of an image, under its old name.
    pub fn restore(&self, kept: Kept) {
        let store = &mut *self.0.borrow_mut();
        store.last_id = store.last_id.max(kept.id.0);
        let (embedding, look) = kept.embedding.unzip();
        if let Some(fingerprint) = kept.fingerprint {
            let twins = store.by_fingerprint.entry(fingerprint).or_default();
            twins.push(kept.id);
        }
        let entry = Entry {
            file: kept.file,
            class: ClassKey::Id(kept.class),
            fingerprint: kept.fingerprint,
            original_url: None,
            thumbnail: kept.thumbnail.and_then(Thumbnail::new),
            embedding,
            look,
        };
        store.entries.insert(kept.id, entry);
    }

    /// Makes sure that no name up to this one is given again.
    pub fn skip_names(&self, highest: u32) {
        let store = &mut *self.0.borrow_mut();
        store.last_id = store.last_id.max(highest);
    }

    pub fn has_thumbnail(&self, id: SampleId) -> bool {
        let store = self.0.borrow();
        store
            .entries
            .get(&id)
            .is_some_and(|entry| entry.thumbnail.is_some())
    }

    pub fn set_embedding(&self, id: SampleId, embedding: Float32Array, look: ImageLook) {
        if let Some(entry) = self.0.borrow_mut().entries.get_mut(&id) {
            entry.embedding = Some(embedding);
            entry.look = Some(look);
        }
    }

    /// From now on embeddings are this backbone's. Those of another one are let go of, with the model on them; returns whether that happened.
    pub fn use_backbone(&self, choice: &BackboneChoice) -> bool {
        let store = &mut *self.0.borrow_mut();
        if store.backbone == *choice {
            return false;
        }
        store.backbone = choice.clone();
        store.model = None;
        for entry in store.entries.values_mut() {
            entry.embedding = None;
        }
        true
    }

    /// Whose embeddings these are.
    pub fn backbone(&self) -> BackboneChoice {
        self.0.borrow().backbone.clone()
    }

    pub fn look(&self, id: SampleId) -> Option<ImageLook> {
        self.0.borrow().entries.get(&id)?.look
    }

    pub fn embedding(&self, id: SampleId) -> Option<Float32Array> {
        self.0.borrow().entries.get(&id)?.embedding.clone()
    }

    pub fn file(&self, id: SampleId) -> Option<Blob> {
        self.0
            .borrow()
            .entries
            .get(&id)
            .map(|entry| entry.file.clone())
    }

    pub fn set_model(&self, model: Uint8Array) {
        self.0.borrow_mut().model = Some(model);
    }

    pub fn model(&self) -> Option<Uint8Array> {
        self.0.borrow().model.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CPython hashes bytes with the same function, and without a key when it is told so:
    /// `PYTHONHASHSEED=0 python3.11 -c "print(hex(hash(len(b).to_bytes(4, 'little') + b) % 2**64))"`.
    #[test]
    fn kept_fingerprints_stay_what_they_are() {
        let long: Vec<u8> = (0..=255).cycle().take(16_384).collect();
        for (prefix, beginning) in [
            (&[][..], 0xcc22_47b7_9ac4_8af0),
            (&[0xff, 0xd8, 0xff, 0xe0], 0x0e58_2b21_5e85_59c0),
            (&long, 0x2e58_4843_89c3_40d6),
        ] {
            let length = prefix.len() as u64;
            let made = Fingerprint::new(length as f64, prefix);
            assert_eq!(made, Fingerprint { length, beginning });
        }
    }

    #[test]
    fn a_fingerprint_is_read_as_it_was_kept() {
        let kept = r#"{"length":123456,"beginning":14709398186846620400}"#;
        let fingerprint = Fingerprint {
            length: 123_456,
            beginning: 0xcc22_47b7_9ac4_8af0,
        };
        assert_eq!(
            headstart_wire::from_json::<Fingerprint>(kept).ok(),
            Some(fingerprint)
        );
        assert_eq!(
            serde_json::to_string(&fingerprint).ok().as_deref(),
            Some(kept)
        );
    }
}
