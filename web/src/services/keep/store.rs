//! Projects kept in the browser's own database (IndexedDB): their descriptions as text, their images, thumbnails, embeddings and models as they are.
//!
//! A description is written after the files that it names, and files are deleted after the description that no longer names them; so whatever a crash cuts off, a description never names a file that is not there.

mod keys;

use std::collections::HashMap;
use std::rc::Rc;

use headstart_project::{BackboneChoice, BackboneId, ImageLook, SampleId};
use idb::{
    Database, DatabaseEvent, Factory, ObjectStoreParams, TransactionMode, TransactionResult,
};
use js_sys::{Date, Float32Array, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::Blob;

use self::keys::{id_of, of_project, of_sample};
use crate::services::parts;
use crate::services::samples::media::Fingerprint;
use crate::state::backbones::KeptWeights;
use crate::state::saved::{ProjectId, Saved, Summary};
use crate::state::storage::StoreError;

const DATABASE: &str = "headstart";
/// Grows with every change of the object stores below; `upgrade` brings older databases along.
const VERSION: u32 = 2;

const SUMMARIES: &str = "summaries";
const DESCRIPTIONS: &str = "descriptions";
const FILES: &str = "files";
const THUMBNAILS: &str = "thumbnails";
const EMBEDDINGS: &str = "embeddings";
const MODELS: &str = "models";
/// Of no project in particular, by the backbone's name.
const WEIGHTS: &str = "weights";
const STORES: [&str; 7] = [
    SUMMARIES,
    DESCRIPTIONS,
    FILES,
    THUMBNAILS,
    EMBEDDINGS,
    MODELS,
    WEIGHTS,
];

/// An image's file with what is needed to find its place if the description is lost.
pub struct KeptFile {
    pub id: SampleId,
    pub file: Blob,
    pub name: Rc<str>,
    pub class: Rc<str>,
    pub fingerprint: Option<Fingerprint>,
}

/// What the engine made of an image.
pub struct KeptEmbedding {
    pub id: SampleId,
    pub embedding: Float32Array,
    pub look: ImageLook,
    pub backbone: BackboneChoice,
    pub thumbnail: Option<Blob>,
}

/// Everything that is kept of a project's images.
#[derive(Default)]
pub struct KeptImages {
    pub files: HashMap<SampleId, KeptFile>,
    pub thumbnails: HashMap<SampleId, Blob>,
    pub embeddings: HashMap<SampleId, (Float32Array, ImageLook)>,
    pub model: Option<Uint8Array>,
}

/// The database. Clones share it.
#[derive(Clone)]
pub struct Store(Rc<Database>);

impl Store {
    /// # Errors
    /// [`StoreError::Unavailable`] where nothing is kept.
    pub async fn open() -> Result<Self, StoreError> {
        let factory = Factory::new().map_err(|_| StoreError::Unavailable)?;
        let mut request = factory
            .open(DATABASE, Some(VERSION))
            .map_err(|_| StoreError::Unavailable)?;
        request.on_upgrade_needed(|event| {
            let Ok(database) = event.database() else {
                return;
            };
            let known = database.store_names();
            for name in STORES {
                if !known.iter().any(|known| known == name) {
                    // A failure here makes the opening fail, which is told there.
                    let _ = database.create_object_store(name, ObjectStoreParams::new());
                }
            }
        });
        let mut database = request.await.map_err(|error| match failed(error) {
            known @ (StoreError::Full | StoreError::Newer) => known,
            _ => StoreError::Unavailable,
        })?;
        // Another tab with a newer page must not wait for this one.
        database.on_version_change(|event| {
            if let Ok(database) = event.database() {
                database.close();
            }
        });
        Ok(Self(Rc::new(database)))
    }

    /// All projects, the one changed last first.
    ///
    /// # Errors
    /// When the database fails. A project whose line cannot be read gets a new one from its description.
    pub async fn summaries(&self) -> Result<Vec<Summary>, StoreError> {
        let transaction = self.read(&[SUMMARIES, DESCRIPTIONS])?;
        let store = transaction.object_store(SUMMARIES).map_err(failed)?;
        let keys = store.get_all_keys(None, None).map_err(failed)?;
        let values = store.get_all(None, None).map_err(failed)?;
        let store = transaction.object_store(DESCRIPTIONS).map_err(failed)?;
        let described = store.get_all_keys(None, None).map_err(failed)?;
        let keys = keys.await.map_err(failed)?;
        let values = values.await.map_err(failed)?;
        let described = described.await.map_err(failed)?;
        let id = |key: &JsValue| key.as_string().map(ProjectId);
        let texts = values.into_iter().map(|value| value.as_string());
        let mut summaries: Vec<Summary> = texts
            .filter_map(|text| headstart_wire::from_json(&text?).ok())
            .collect();
        for id in keys.iter().chain(&described).filter_map(id) {
            if summaries.iter().all(|summary| summary.id != id) {
                let description = self.description(&id).await?;
                let saved = match description {
                    // Should the part not come, the project is here all the same, and has its name back the next time.
                    Some(text) => parts::read(text).await.ok().flatten(),
                    None => None,
                };
                let now_ms = Date::now();
                summaries.push(match saved {
                    Some(saved) => saved.summary(id, now_ms, now_ms, 0.0),
                    None => Summary::lost(id, now_ms),
                });
            }
        }
        summaries.sort_by(|a, b| b.changed_ms.total_cmp(&a.changed_ms));
        Ok(summaries)
    }

    /// A project's description as it was written; `None` when there is none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn description(&self, id: &ProjectId) -> Result<Option<String>, StoreError> {
        let transaction = self.read(&[DESCRIPTIONS])?;
        let store = transaction.object_store(DESCRIPTIONS).map_err(failed)?;
        let value = store.get(JsValue::from_str(&id.0)).map_err(failed)?;
        let value = value.await.map_err(failed)?;
        Ok(value.and_then(|value| value.as_string()))
    }

    /// A project's images, with the embeddings that weights of this checksum made. Files stay where they are until somebody reads them.
    ///
    /// # Errors
    /// When the database fails. Entries that cannot be read are left out.
    pub async fn images(&self, id: &ProjectId, sha256: &str) -> Result<KeptImages, StoreError> {
        let mut images = KeptImages::default();
        for (key, value) in self.all_of(FILES, id).await? {
            let Some(sample) = id_of(&key) else { continue };
            if let Some(file) = keys::file(sample, &value) {
                images.files.insert(sample, file);
            }
        }
        for (key, value) in self.all_of(THUMBNAILS, id).await? {
            if let (Some(sample), Ok(thumbnail)) = (id_of(&key), value.dyn_into()) {
                images.thumbnails.insert(sample, thumbnail);
            }
        }
        for (key, value) in self.all_of(EMBEDDINGS, id).await? {
            if let (Some(sample), Some(embedding)) = (id_of(&key), keys::embedding(&value, sha256))
            {
                images.embeddings.insert(sample, embedding);
            }
        }
        let transaction = self.read(&[MODELS])?;
        let store = transaction.object_store(MODELS).map_err(failed)?;
        let model = store.get(JsValue::from_str(&id.0)).map_err(failed)?;
        let model = model.await.map_err(failed)?;
        images.model = model.and_then(|model| model.dyn_into().ok());
        Ok(images)
    }

    /// Keeps images' files, all of them or none.
    ///
    /// # Errors
    /// When the space is full or the database fails.
    pub async fn keep_files(&self, id: &ProjectId, files: &[KeptFile]) -> Result<(), StoreError> {
        let entries = files
            .iter()
            .map(|file| (FILES, of_sample(id, file.id), keys::file_value(file)));
        self.put(&[FILES], entries).await
    }

    /// Keeps what the engine made of images, all of it or nothing.
    ///
    /// # Errors
    /// When the space is full or the database fails.
    pub async fn keep_embeddings(
        &self,
        id: &ProjectId,
        embeddings: &[KeptEmbedding],
    ) -> Result<(), StoreError> {
        let entries = embeddings.iter().flat_map(|kept| {
            let key = of_sample(id, kept.id);
            let value = keys::embedding_value(kept);
            let thumbnail = kept.thumbnail.clone();
            let thumbnail = thumbnail.map(|blob| (THUMBNAILS, key.clone(), JsValue::from(blob)));
            [Some((EMBEDDINGS, key, value)), thumbnail]
                .into_iter()
                .flatten()
        });
        self.put(&[EMBEDDINGS, THUMBNAILS], entries).await
    }

    /// Keeps a project's description and its line in the list, and with them its model if that is new.
    ///
    /// # Errors
    /// When the space is full or the database fails.
    pub async fn keep(
        &self,
        summary: &Summary,
        saved: &Saved,
        model: Option<&Uint8Array>,
    ) -> Result<(), StoreError> {
        let text = |value: serde_json::Result<String>| {
            let text = value.map_err(|error| StoreError::Failed(error.to_string()))?;
            Ok(JsValue::from_str(&text))
        };
        let key = JsValue::from_str(&summary.id.0);
        let mut entries = vec![
            (
                SUMMARIES,
                key.clone(),
                text(serde_json::to_string(summary))?,
            ),
            (
                DESCRIPTIONS,
                key.clone(),
                text(serde_json::to_string(saved))?,
            ),
        ];
        entries.extend(model.map(|model| (MODELS, key, JsValue::from(model.clone()))));
        self.put(&[SUMMARIES, DESCRIPTIONS, MODELS], entries).await
    }

    /// Changes a project's line in the list.
    ///
    /// # Errors
    /// When the space is full or the database fails.
    pub async fn keep_summary(&self, summary: &Summary) -> Result<(), StoreError> {
        let text = serde_json::to_string(summary);
        let text = text.map_err(|error| StoreError::Failed(error.to_string()))?;
        let entry = (
            SUMMARIES,
            JsValue::from_str(&summary.id.0),
            JsValue::from_str(&text),
        );
        self.put(&[SUMMARIES], [entry]).await
    }

    /// Lets go of images.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_images(
        &self,
        id: &ProjectId,
        samples: &[SampleId],
    ) -> Result<(), StoreError> {
        let names = [FILES, THUMBNAILS, EMBEDDINGS];
        let transaction = self.write(&names)?;
        for name in names {
            let store = transaction.object_store(name).map_err(failed)?;
            for &sample in samples {
                store.delete(of_sample(id, sample)).map_err(failed)?;
            }
        }
        finish(transaction).await
    }

    /// Lets go of a whole project.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget(&self, id: &ProjectId) -> Result<(), StoreError> {
        let names = [
            FILES,
            THUMBNAILS,
            EMBEDDINGS,
            SUMMARIES,
            DESCRIPTIONS,
            MODELS,
        ];
        let transaction = self.write(&names)?;
        for name in [FILES, THUMBNAILS, EMBEDDINGS] {
            let store = transaction.object_store(name).map_err(failed)?;
            store
                .delete(of_project(id).map_err(failed)?)
                .map_err(failed)?;
        }
        for name in [SUMMARIES, DESCRIPTIONS, MODELS] {
            let store = transaction.object_store(name).map_err(failed)?;
            store.delete(JsValue::from_str(&id.0)).map_err(failed)?;
        }
        finish(transaction).await
    }

    /// A thumbnail for a project's cover.
    pub async fn thumbnail(&self, id: &ProjectId, sample: SampleId) -> Option<Blob> {
        let transaction = self.read(&[THUMBNAILS]).ok()?;
        let store = transaction.object_store(THUMBNAILS).ok()?;
        let value = store.get(of_sample(id, sample)).ok()?.await.ok()??;
        value.dyn_into().ok()
    }

    /// Copies a project's images, file by file, under another project's id.
    ///
    /// # Errors
    /// When the space is full or the database fails.
    pub async fn copy_images(&self, from: &ProjectId, to: &ProjectId) -> Result<(), StoreError> {
        for name in [FILES, THUMBNAILS, EMBEDDINGS] {
            let entries = self.all_of(name, from).await?;
            let entries = entries.into_iter().filter_map(|(key, value)| {
                let key = of_sample(to, id_of(&key)?);
                Some((name, key, value))
            });
            self.put(&[name], entries).await?;
        }
        let transaction = self.read(&[MODELS])?;
        let store = transaction.object_store(MODELS).map_err(failed)?;
        let model = store.get(JsValue::from_str(&from.0)).map_err(failed)?;
        let model = model.await.map_err(failed)?;
        let entries = model.map(|model| (MODELS, JsValue::from_str(&to.0), model));
        self.put(&[MODELS], entries).await
    }

    /// Keeps a backbone's weights, in the place of those from before.
    ///
    /// # Errors
    /// When the space is full or the database fails.
    pub async fn keep_weights(&self, kept: &KeptWeights, file: &Blob) -> Result<(), StoreError> {
        let key = JsValue::from_str(kept.choice.id.name());
        let entry = (WEIGHTS, key, keys::weights_value(kept, file));
        self.put(&[WEIGHTS], [entry]).await
    }

    /// A backbone's weights, if they are kept and can be read.
    pub async fn weights(&self, id: BackboneId) -> Option<(KeptWeights, Blob)> {
        let transaction = self.read(&[WEIGHTS]).ok()?;
        let store = transaction.object_store(WEIGHTS).ok()?;
        let value = store.get(JsValue::from_str(id.name())).ok()?.await.ok()??;
        keys::weights(&value)
    }

    /// All weights that are kept. Their files stay where they are until somebody reads them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn all_weights(&self) -> Result<Vec<KeptWeights>, StoreError> {
        let transaction = self.read(&[WEIGHTS])?;
        let store = transaction.object_store(WEIGHTS).map_err(failed)?;
        let values = store.get_all(None, None).map_err(failed)?;
        let values = values.await.map_err(failed)?;
        let kept = values.iter().filter_map(keys::weights);
        Ok(kept.map(|(kept, _)| kept).collect())
    }

    /// Lets go of a backbone's weights.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_weights(&self, id: BackboneId) -> Result<(), StoreError> {
        let transaction = self.write(&[WEIGHTS])?;
        let store = transaction.object_store(WEIGHTS).map_err(failed)?;
        let key = JsValue::from_str(id.name());
        store.delete(key).map_err(failed)?;
        finish(transaction).await
    }

    /// All keys and values of a project in one object store.
    async fn all_of(
        &self,
        name: &str,
        id: &ProjectId,
    ) -> Result<Vec<(JsValue, JsValue)>, StoreError> {
        let transaction = self.read(&[name])?;
        let store = transaction.object_store(name).map_err(failed)?;
        let range = of_project(id).map_err(failed)?;
        let keys = store.get_all_keys(Some(range.clone().into()), None);
        let values = store.get_all(Some(range.into()), None);
        let (keys, values) = (keys.map_err(failed)?, values.map_err(failed)?);
        let keys = keys.await.map_err(failed)?;
        let values = values.await.map_err(failed)?;
        Ok(keys.into_iter().zip(values).collect())
    }

    async fn put(
        &self,
        names: &[&str],
        entries: impl IntoIterator<Item = (&'static str, JsValue, JsValue)>,
    ) -> Result<(), StoreError> {
        let transaction = self.write(names)?;
        for (name, key, value) in entries {
            let store = transaction.object_store(name).map_err(failed)?;
            store.put(&value, Some(&key)).map_err(failed)?;
        }
        finish(transaction).await
    }

    fn read(&self, names: &[&str]) -> Result<idb::Transaction, StoreError> {
        self.0
            .transaction(names, TransactionMode::ReadOnly)
            .map_err(failed)
    }

    fn write(&self, names: &[&str]) -> Result<idb::Transaction, StoreError> {
        self.0
            .transaction(names, TransactionMode::ReadWrite)
            .map_err(failed)
    }
}

/// Waits until what was written is safe.
async fn finish(transaction: idb::Transaction) -> Result<(), StoreError> {
    // Waiting takes the transaction, and only it says afterwards why it was given up.
    let transaction = JsValue::from(transaction);
    let waiting = idb::Transaction::try_from(transaction.clone()).map_err(failed)?;
    let ended = waiting.await;
    if ended == Ok(TransactionResult::Committed) {
        return Ok(());
    }
    // The requests of a transaction that the browser gives up, for want of space or for another reason, fail merely because it was.
    let reason = field(&transaction, "error").map(|exception| {
        let words = text(&exception, "message").unwrap_or_default();
        StoreError::of(text(&exception, "name").as_deref(), words)
    });
    Err(reason.unwrap_or_else(|| match ended {
        Err(error) => failed(error),
        Ok(_) => StoreError::Failed("what was being written was given up".into()),
    }))
}

fn failed(error: idb::Error) -> StoreError {
    let name = exception(&error).and_then(|exception| text(&exception, "name"));
    StoreError::of(name.as_deref(), error.to_string())
}

/// The browser's own exception in an error of the calls that are made here.
fn exception(error: &idb::Error) -> Option<JsValue> {
    use idb::Error;
    match error {
        Error::DomException(exception) => Some(exception.into()),
        // A failed request's event reaches its transaction, whose future takes the request for something strange.
        Error::UnexpectedJsType(_, request) => field(request, "error"),
        Error::DeleteFailed(exception)
        | Error::GetAllKeysFailed(exception)
        | Error::GetFailed(exception)
        | Error::IndexedDbOpenFailed(exception)
        | Error::KeyRangeCreateFailed(exception)
        | Error::ObjectStoreNotFound(exception)
        | Error::TransactionOpenFailed(exception)
        | Error::UpdateFailed(exception) => Some(exception.clone()),
        _ => None,
    }
}

/// A field that is there.
fn field(value: &JsValue, name: &str) -> Option<JsValue> {
    let value = Reflect::get(value, &name.into()).ok()?;
    (!value.is_null() && !value.is_undefined()).then_some(value)
}

fn text(value: &JsValue, name: &str) -> Option<String> {
    field(value, name)?.as_string()
}
