//! What the newest model says of one image.

use std::rc::Rc;

use headstart_backbones::Backbone;
use headstart_project::{EngineError, Failure, HeatFor, HeatMap, Predict, Prediction, Rejection};
use headstart_training::{Judgement, Model, heat_map, largest};

use crate::browser::asked::Outcome;
use crate::browser::port;
use crate::device::Ready;
use crate::inputs::pictures::{Image, Picture};
use crate::state::{Shared, ToPredict};
use crate::work::backbone;

/// Classifies one image.
pub async fn predict(shared: &Shared, to_predict: ToPredict) {
    let ToPredict { asked, image, heat } = to_predict;
    asked.answer(try_predict(shared, image, heat).await);
}

async fn try_predict(shared: &Shared, image: Image, heat: Option<HeatFor>) -> Outcome<Predict> {
    let (Some(ready), Some(model)) = (shared.ready(), shared.model()) else {
        return Err(no_model());
    };
    let start_ms = port::now_ms();
    let planes = prepare(&ready, image).await?;
    let (judgement, heat, place) = judge(shared, &model, planes, heat).await?;
    let prediction = Prediction {
        probabilities: judgement.probabilities,
        familiarity: judgement.familiarity,
        heat,
        place,
        elapsed_ms: port::now_ms() - start_ms,
    };
    Ok((prediction, Vec::new()))
}

/// A model's judgement, where it looked, and where the image lies on the map.
async fn judge(
    shared: &Shared,
    model: &Rc<Model>,
    planes: Vec<f32>,
    heat: Option<HeatFor>,
) -> Result<(Judgement, Option<HeatMap>, Option<[f32; 2]>), EngineError> {
    let (embedding, maps) = match heat {
        None => (
            backbone::run_own(shared, planes.clone(), Backbone::embed).await?,
            None,
        ),
        Some(heat) => {
            let maps = backbone::run_own(shared, planes.clone(), Backbone::maps).await?;
            let features = shared.ready().map_or(1, |ready| ready.backbone.features());
            let positions = (maps.len() / features).max(1);
            // The embedding is the mean over all positions, so there is no need to compute it anew.
            let mean = |row: &[f32]| row.iter().sum::<f32>() / positions as f32;
            let embedding = maps.chunks_exact(positions).map(mean).collect();
            (embedding, Some((heat, maps)))
        }
    };
    let judgement = model
        .judge(&embedding)
        .await
        .map_err(EngineError::internal)?;
    let heat = match maps {
        None => None,
        Some((heat, maps)) => {
            let side = shared.ready().map_or(1, |ready| ready.backbone.map_side());
            let class = class_of(heat, &judgement.probabilities);
            let heat = heat_map(&model.head, &maps, side, class).await;
            Some(heat.map_err(EngineError::internal)?)
        }
    };
    let (map, is_tuned) = {
        let state = shared.state.borrow();
        (state.map.clone(), state.tuned.is_some())
    };
    let place = match map {
        None => None,
        // The map is drawn from what the pretrained backbone sees.
        Some(map) if is_tuned => {
            Some(map.place(&backbone::run(shared, planes, Backbone::embed).await?))
        }
        Some(map) => Some(map.place(&embedding)),
    };
    Ok((judgement, heat, place))
}

/// The probability of one class.
pub async fn probability(
    shared: &Shared,
    model: &Model,
    planes: Vec<f32>,
    class: usize,
) -> Result<f32, EngineError> {
    let embedding = backbone::run_own(shared, planes, Backbone::embed).await?;
    let judgement = model
        .judge(&embedding)
        .await
        .map_err(EngineError::internal)?;
    Ok(judgement.probabilities.get(class).copied().unwrap_or(0.0))
}

/// Answers the predictions that wait for a model after it turned out that there will be none.
pub fn refuse_without_model(shared: &Shared) {
    let refused = {
        let schedule = &mut shared.state.borrow_mut().schedule;
        schedule.predictions_without_model()
    };
    for ToPredict { asked, .. } in refused {
        asked.answer(Err(no_model()));
    }
}

fn no_model() -> Failure {
    EngineError::internal("there is no model yet").into()
}

/// An image in the backbone's form.
///
/// # Errors
/// When it cannot be used.
pub async fn prepare(ready: &Ready, image: Image) -> Result<Vec<f32>, Rejection> {
    let pixels = Picture::open(image).await?.pixels()?;
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
