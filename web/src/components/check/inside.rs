//! See inside: what each stage of the network makes of an image, and which images excite a channel most.

use std::cell::Cell;
use std::rc::Rc;

use headstart_project::{InsideStage, SampleId};
use wasm_bindgen::{Clamped, JsCast};
use wasm_bindgen_futures::spawn_local;
use web_sys::{CanvasRenderingContext2d, File, HtmlCanvasElement, HtmlVideoElement, ImageData};
use yew::prelude::*;

use crate::components::common::camera_panel::CameraPanel;
use crate::components::common::file_button::FileButton;
use crate::components::common::icon::{Icon, glyph};
use crate::components::common::term::Term;
use crate::components::gallery::Opened;
use crate::components::gallery::thumbs::Thumbs;
use crate::context::{App, use_app};
use crate::glossary::Word;
use crate::hooks::use_camera::{use_camera, use_failure};
use crate::services::engine::{Answer, Covered, Covering, Picture, Unanswered};
use crate::services::samples::camera;
use crate::services::samples::media::ObjectUrl;
use crate::state::Action;
use crate::state::camera::{CameraOwner, CameraPrefs};
use crate::state::project::Project;
use crate::state::run::Plan;
use crate::text;

/// Enough for every backbone's input.
const FRAME_PX: u32 = 320;

/// The walk from the first stages to the last, in quarters of the depth.
const STEPS: [(&str, &str); 4] = [
    (
        "1. Edges",
        "The first layers answer to edges, colours and bright or dark spots. They would do so for any picture: every network learns them first.",
    ),
    (
        "2. Textures",
        "From edges come patterns: stripes, fur, grain, corners.",
    ),
    (
        "3. Parts",
        "Patterns join to parts of things: an eye, a wheel, a leaf. The maps get coarser: what matters is what is there, less where.",
    ),
    (
        "4. Objects",
        "The last layers answer to whole things, wherever they are. Their averages are the numbers that describe your image.",
    ),
];

#[derive(Properties, PartialEq)]
pub struct Props {
    pub project: Project,
    /// The run whose head answers in the last step.
    pub plan: Option<Rc<Plan>>,
    pub is_ready: bool,
    pub has_camera: bool,
    pub camera_prefs: CameraPrefs,
    pub onshow: Callback<Opened>,
}

/// The image that is looked at.
#[derive(Clone)]
enum Subject {
    Sample(SampleId),
    File(File, Rc<ObjectUrl>),
}

impl PartialEq for Subject {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Sample(a), Self::Sample(b)) => a == b,
            (Self::File(a, _), Self::File(b, _)) => a == b,
            _ => false,
        }
    }
}

/// What came out of the stages.
type Found = (Rc<[InsideStage]>, Rc<[u8]>);

/// The same, or why nothing did.
type Seen = Result<Found, AttrValue>;

#[component]
pub fn Inside(props: &Props) -> Html {
    let app = use_app();
    let subject = use_state(|| None::<Subject>);
    let found = use_state(|| None::<Seen>);
    let answer = use_state_eq(|| None::<Rc<[f32]>>);
    let firsts: Vec<SampleId> = props
        .project
        .classes
        .iter()
        .filter_map(|class| class.samples().next())
        .map(|sample| sample.id)
        .collect();
    let chosen = (*subject)
        .clone()
        .or(firsts.first().copied().map(Subject::Sample));
    {
        let (app, found, answer) = (app.clone(), found.setter(), answer.setter());
        let run = props.plan.as_ref().map(|plan| plan.request.run);
        let wanted = (chosen.clone(), props.is_ready, props.has_camera, run);
        use_effect_with(wanted, move |(chosen, is_ready, has_camera, run)| {
            let file = match chosen {
                Some(Subject::Sample(id)) => app.media.file(*id),
                Some(Subject::File(file, _)) => Some(file.clone().into()),
                None => None,
            };
            let (Some(file), true, false) = (file, *is_ready, *has_camera) else {
                return;
            };
            {
                let (app, found) = (app.clone(), found.clone());
                let picture = Picture::File(file.clone());
                spawn_local(async move {
                    if let Some(seen) = seen(&app, picture).await {
                        found.set(Some(seen));
                    }
                });
            }
            answer.set(None);
            if run.is_some() {
                spawn_local(async move {
                    if let Answer::Judged(judgement) =
                        app.engine.classify(Picture::File(file), None).await
                    {
                        answer.set(Some(judgement.probabilities));
                    }
                });
            }
        });
    }
    let show = {
        let (app, subject) = (app.clone(), subject.clone());
        Callback::from(move |files: Vec<File>| {
            if let Some(file) = files.into_iter().next()
                && let Some(url) = ObjectUrl::new(&file)
            {
                app.dispatch(Action::CloseCamera(CameraOwner::Inside));
                subject.set(Some(Subject::File(file, url.into())));
            }
        })
    };
    let has_camera = props.has_camera;
    let camera = app.callback(move |_: MouseEvent| {
        if has_camera {
            Action::CloseCamera(CameraOwner::Inside)
        } else {
            Action::OpenCamera(CameraOwner::Inside)
        }
    });
    let source = match &chosen {
        Some(Subject::Sample(id)) => app.media.source(*id),
        Some(Subject::File(_, url)) => Some(url.get()),
        None => None,
    };
    html! {
        <>
            <p class="panel-lead">
                { "A network looks at an image in stages, and each stage has " }<Term word={Word::Channel} text="channels" />
                { " that answer to something of their own. Walk through them with an image of yours, from edges to your classes; press a channel to see which of your images excite it most." }
            </p>
            <div class="button-row">
                <button type="button" class="button" aria-pressed={if has_camera { "true" } else { "false" }} onclick={camera}>
                    { glyph(Icon::Camera) }{ "Webcam" }
                </button>
                <FileButton label="Image to look inside" icon={Icon::Upload} accept="image/*" onfiles={show} />
            </div>
            if has_camera {
                <Live prefs={props.camera_prefs.clone()} onseen={shows(&found.setter())} />
            } else {
                <div class="inside-pick" role="group" aria-label="Images to look inside">
                    if let Some(source) = source {
                        <img class="inside-subject" src={source} alt="The image that is looked at" width="112" height="112" />
                    }
                    { for firsts.into_iter().map(|id| {
                        let name = props.project.find(id).map(|(class, _)| class.label());
                        let name = name.as_deref().unwrap_or_default().to_owned();
                        let onclick = {
                            let subject = subject.clone();
                            Callback::from(move |_: MouseEvent| subject.set(Some(Subject::Sample(id))))
                        };
                        html! {
                            <button type="button" class="thumb-button" aria-label={format!("Look inside an image of {name}")} {onclick}>
                                <img src={app.media.source(id)} alt="" width="64" height="64" />
                            </button>
                        }
                    }) }
                </div>
            }
            { match &*found {
                None => html! {},
                Some(Ok(found)) => walk(props, found, answer.as_deref(), has_camera),
                Some(Err(reason)) => html! { <p class="problem" role="alert">{ reason.clone() }</p> },
            } }
        </>
    }
}

/// What the stages make of a picture; `None` without an engine, for the next one is asked again.
async fn seen(app: &App, picture: Picture) -> Option<Seen> {
    match app.engine.look_inside(picture).await {
        Ok((stages, maps)) => Some(Ok((stages.into(), maps.into()))),
        Err(Unanswered::Failed(reason)) => Some(Err(text::sentence(&reason).into())),
        Err(Unanswered::NoEngine) => None,
    }
}

/// Shows what the stages made of a picture.
fn shows(found: &UseStateSetter<Option<Seen>>) -> Callback<Seen> {
    let found = found.clone();
    Callback::from(move |seen| found.set(Some(seen)))
}

fn walk(props: &Props, (stages, maps): &Found, answer: Option<&[f32]>, is_live: bool) -> Html {
    let mut at = 0;
    let mut rows: Vec<(usize, Html)> = Vec::new();
    for (index, stage) in stages.iter().enumerate() {
        let bytes = stage.strongest.len() * (stage.shown_side * stage.shown_side) as usize;
        let own: Rc<[u8]> = maps.get(at..at + bytes).unwrap_or_default().into();
        at += bytes;
        let step = index * STEPS.len() / stages.len().max(1);
        rows.push((step, html! {
            <Stage key={index} index={index as u32} stage={stage.clone()} maps={own} project={props.project.clone()} onshow={props.onshow.clone()} />
        }));
    }
    html! {
        <ol class="walk" role="list">
            { for STEPS.into_iter().enumerate().map(|(step, (title, words))| html! {
                <li>
                    <h3>{ title }</h3>
                    <p>{ words }</p>
                    { for rows.iter().filter(|(own, _)| *own == step).map(|(_, row)| row.clone()) }
                </li>
            }) }
            <li>
                <h3>{ "5. Your classes" }</h3>
                { match (&props.plan, answer) {
                    _ if is_live => html! { <p>{ "The head turns the last numbers into your classes; Try shows that live." }</p> },
                    (Some(plan), Some(answer)) => classes(&plan.names(&props.project), answer),
                    _ => html! { <p>{ "Press Train, and the head turns the last numbers into your classes." }</p> },
                } }
            </li>
        </ol>
    }
}

fn classes(names: &[Rc<str>], answer: &[f32]) -> Html {
    html! {
        <>
            <p>{ "The head weighs the last numbers and says:" }</p>
            <ul class="times" role="list">
                { for names.iter().zip(answer).map(|(name, &share)| html! {
                    <li>
                        <span>{ name.to_string() }</span>
                        <span class="time-bar method-frozen" style={format!("--share: {share:.4}")}></span>
                        <span>{ text::percent(f64::from(share)) }</span>
                    </li>
                }) }
            </ul>
        </>
    }
}

#[derive(Properties, PartialEq)]
struct StageProps {
    index: u32,
    stage: InsideStage,
    /// Grey values of the strongest channels' maps, one after the other.
    maps: Rc<[u8]>,
    project: Project,
    onshow: Callback<Opened>,
}

/// A stage's strongest channels in a row, and the images that excite the pressed one.
#[component]
fn Stage(props: &StageProps) -> Html {
    let app = use_app();
    let canvas = use_node_ref();
    let asked = use_state(|| None::<(u32, Rc<Option<Covering>>)>);
    let excited = use_state(|| None::<Covered>);
    let stage = &props.stage;
    {
        let canvas = canvas.clone();
        let (side, count) = (stage.shown_side, stage.strongest.len() as u32);
        use_effect_with(props.maps.clone(), move |maps| {
            draw(&canvas, maps, side, count)
        });
    }
    let press = |channel: u32| {
        let (app, asked, excited) = (app.clone(), asked.clone(), excited.clone());
        let (samples, index) = (props.project.samples().map(|sample| sample.id), props.index);
        let samples: Vec<SampleId> = samples.collect();
        Callback::from(move |_: MouseEvent| {
            excited.set(None);
            let onchange = {
                let excited = excited.setter();
                Callback::from(move |change| excited.set(Some(change)))
            };
            let looking = app.engine.excite(samples.clone(), index, channel, onchange);
            asked.set(Some((channel, Rc::new(looking))));
        })
    };
    let pressed = asked.as_ref().map(|(channel, _)| *channel);
    html! {
        <div class="inside-stage">
            <p class="hint">{ format!("{}: {} channels of {} × {} places, the strongest first", stage.name, stage.channels, stage.side, stage.side) }</p>
            <div class="inside-maps">
                <canvas ref={canvas} aria-hidden="true"></canvas>
                { for stage.strongest.iter().enumerate().map(|(at, shown)| html! {
                    <button
                        type="button"
                        style={format!("grid-column: {}", at + 1)}
                        aria-label={format!("{}, channel {}", stage.name, shown.channel)}
                        aria-pressed={if pressed == Some(shown.channel) { "true" } else { "false" }}
                        onclick={press(shown.channel)}
                    ></button>
                }) }
            </div>
            { match (pressed, &*excited) {
                (Some(channel), Some(Covered::Excited(found))) => html! {
                    <>
                        <p>{ format!("Your images that excite channel {channel} most:") }</p>
                        <Thumbs ids={found.images.clone()} project={props.project.clone()} title={format!("Images that excite channel {channel} of {}", stage.name)} onshow={props.onshow.clone()} />
                    </>
                },
                (Some(_), Some(Covered::Ended(_))) => html! { <p class="hint">{ "That could not be found out. Press the channel again." }</p> },
                (Some(_), progress) => html! {
                    <p class="hint" role="status">
                        { match progress {
                            Some(Covered::Progress(done, total)) => format!("Showing it your images: {done} of {total}"),
                            _ => "Showing it your images …".to_owned(),
                        } }
                    </p>
                },
                _ => Html::default(),
            } }
        </div>
    }
}

/// Draws grey maps side by side.
fn draw(canvas: &NodeRef, maps: &[u8], side: u32, count: u32) {
    let Some(canvas) = canvas.cast::<HtmlCanvasElement>() else {
        return;
    };
    canvas.set_width(side * count);
    canvas.set_height(side);
    let context = canvas.get_context("2d").ok().flatten();
    let Some(context) =
        context.and_then(|context| context.dyn_into::<CanvasRenderingContext2d>().ok())
    else {
        return;
    };
    let area = (side * side) as usize;
    for (at, map) in maps.chunks_exact(area.max(1)).enumerate() {
        let rgba: Vec<u8> = map
            .iter()
            .flat_map(|&grey| [grey, grey, grey, 255])
            .collect();
        if let Ok(data) = ImageData::new_with_u8_clamped_array(Clamped(&rgba), side) {
            // A map that cannot be drawn is left black.
            let _ = context.put_image_data(&data, f64::from(side * at as u32), 0.0);
        }
    }
}

#[derive(Properties, PartialEq)]
struct LiveProps {
    prefs: CameraPrefs,
    onseen: Callback<Seen>,
}

/// The camera, frame by frame: the next one is asked about when the answer to the last is there.
#[component]
fn Live(props: &LiveProps) -> Html {
    let app = use_app();
    let failed = use_failure(&app, CameraOwner::Inside);
    let camera = use_camera(&props.prefs, failed);
    {
        let (video, onseen) = (camera.video.clone(), props.onseen.clone());
        let wanted = (camera.is_live, props.prefs.is_mirrored());
        use_effect_with(wanted, move |&(is_live, is_mirrored)| {
            let running = Rc::new(Cell::new(is_live));
            if is_live && let Some(video) = video.cast::<HtmlVideoElement>() {
                let running = running.clone();
                spawn_local(
                    async move { watch(&app, &video, is_mirrored, &running, &onseen).await },
                );
            }
            move || running.set(false)
        });
    }
    html! { <CameraPanel {camera} prefs={props.prefs.clone()} /> }
}

async fn watch(
    app: &App,
    video: &HtmlVideoElement,
    is_mirrored: bool,
    running: &Cell<bool>,
    onseen: &Callback<Seen>,
) {
    let Some(canvas) = camera::canvas() else {
        return;
    };
    while running.get() {
        camera::next_picture(video).await;
        if camera::draw(video, &canvas, is_mirrored, FRAME_PX).is_none() {
            continue;
        }
        let Some(bitmap) = camera::bitmap(&canvas).await else {
            continue;
        };
        let seen = seen(app, Picture::Bitmap(bitmap)).await;
        if let Some(seen) = seen.filter(|_| running.get()) {
            onseen.emit(seen);
        }
    }
}
