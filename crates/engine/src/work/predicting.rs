//! What the newest model says of one image.

use std::rc::Rc;

use headstart_backbones::Backbone;
use headstart_project::{EngineError, Event, Frame, HeatFor, HeatMap, Rejection};
use headstart_training::{Judgement, Model, heat_map, largest};
use wasm_bindgen::JsValue;

use crate::browser::port;
use crate::engine::{Engine, PredictionRequest, Ready, internal};
use crate::inputs::pictures::Picture;

impl Engine {
    /// Classifies one image.
    pub async fn predict(&self, request: PredictionRequest) {
        let (Some(ready), Some(model)) = (self.ready(), self.state.borrow().model.clone()) else {
            return;
        };
        let start_ms = port::now_ms();
        let event = match prepare(&ready, request.frame, request.image).await {
            Ok(planes) => match self.judge(&model, planes, request.heat).await {
                Ok((judgement, heat, place)) => Event::Prediction {
                    request: request.id,
                    probabilities: judgement.probabilities,
                    familiarity: judgement.familiarity,
                    heat,
                    place,
                    elapsed_ms: port::now_ms() - start_ms,
                },
                Err(reason) => Event::Failed { reason },
            },
            Err(reason) => Event::PredictionFailed {
                request: request.id,
                reason,
            },
        };
        port::post(&event, &[]);
    }

    /// A model's judgement, where it looked, and where the image lies on the map.
    async fn judge(
        &self,
        model: &Rc<Model>,
        planes: Vec<f32>,
        heat: Option<HeatFor>,
    ) -> Result<(Judgement, Option<HeatMap>, Option<[f32; 2]>), EngineError> {
        let (embedding, maps) = match heat {
            None => (
                self.run_own_backbone(planes.clone(), Backbone::embed)
                    .await?,
                None,
            ),
            Some(heat) => {
                let maps = self
                    .run_own_backbone(planes.clone(), Backbone::maps)
                    .await?;
                let features = self.ready().map_or(1, |ready| ready.backbone.features());
                let positions = (maps.len() / features).max(1);
                // The embedding is the mean over all positions, so there is no need to compute it anew.
                let mean = |row: &[f32]| row.iter().sum::<f32>() / positions as f32;
                let embedding = maps.chunks_exact(positions).map(mean).collect();
                (embedding, Some((heat, maps)))
            }
        };
        let judgement = model.judge(&embedding).await.map_err(internal)?;
        let heat = match maps {
            None => None,
            Some((heat, maps)) => {
                let side = self.ready().map_or(1, |ready| ready.backbone.map_side());
                let class = class_of(heat, &judgement.probabilities);
                let heat = heat_map(&model.head, &maps, side, class).await;
                Some(heat.map_err(internal)?)
            }
        };
        let (map, is_tuned) = {
            let state = self.state.borrow();
            (state.map.clone(), state.tuned.is_some())
        };
        let place = match map {
            None => None,
            // The map is drawn from what the pretrained backbone sees.
            Some(map) if is_tuned => {
                Some(map.place(&self.run_backbone(planes, Backbone::embed).await?))
            }
            Some(map) => Some(map.place(&embedding)),
        };
        Ok((judgement, heat, place))
    }

    /// The probability of one class.
    pub async fn probability(
        &self,
        model: &Model,
        planes: Vec<f32>,
        class: usize,
    ) -> Result<f32, EngineError> {
        let embedding = self.run_own_backbone(planes, Backbone::embed).await?;
        let judgement = model.judge(&embedding).await.map_err(internal)?;
        Ok(judgement.probabilities.get(class).copied().unwrap_or(0.0))
    }
}

/// An image in the backbone's form.
///
/// # Errors
/// When it cannot be used.
pub async fn prepare(ready: &Ready, frame: Frame, image: JsValue) -> Result<Vec<f32>, Rejection> {
    let pixels = Picture::open(frame, image).await?.pixels()?;
    let planes = ready.backbone.prepare(&pixels);
    planes.map_err(|_| Rejection::Damaged)
}

/// The class that is meant; the most probable one when there is no such class.
pub fn class_of(heat: HeatFor, probabilities: &[f32]) -> usize {
    match heat {
        HeatFor::Class(class) if (class as usize) < probabilities.len() => class as usize,
        HeatFor::Class(_) | HeatFor::Top => largest(probabilities),
    }
}
