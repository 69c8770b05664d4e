//! Importing whole data sets: a zip, a folder, or many files whose paths name their classes.

use web_sys::File;
use yew::prelude::*;

use crate::components::common::file_button::FileButton;
use crate::components::common::icon::Icon;
use crate::context::use_app;
use crate::services::samples::intake;

#[component]
pub fn ImportBar() -> Html {
    let app = use_app();
    let onfiles =
        Callback::from(move |files: Vec<File>| intake::import(&app, intake::with_paths(files)));
    html! {
        <div class="import-bar">
            <div class="button-row">
                <FileButton label="Import images" icon={Icon::Archive} accept=".zip,.tm,image/*" multiple=true class="button-quiet" onfiles={onfiles.clone()} />
                <FileButton label="Import folder" icon={Icon::Folder} folder=true multiple=true class="button-quiet" {onfiles} />
            </div>
            <p class="hint">
                { "A zip or a folder with one sub-folder for each class. You can also drop it anywhere on this page." }
            </p>
        </div>
    }
}
