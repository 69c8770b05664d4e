//! A heat map over an image, in the place of the square that the model sees.

use wasm_bindgen::{Clamped, JsCast};
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, ImageData};
use yew::prelude::*;

use crate::heat::Overlay;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub overlay: Overlay,
    /// Distances of the square from the sides and from top and bottom of the element around, as shares of its width and its height.
    #[prop_or_default]
    pub inset: (f64, f64),
    /// What is to be seen, in words.
    pub label: AttrValue,
}

/// Belongs into an element with a position of its own that clips what stands out, since everything around the square is dimmed.
#[component]
pub fn HeatLayer(props: &Props) -> Html {
    let canvas = use_node_ref();
    {
        let canvas = canvas.clone();
        use_effect_with(props.overlay.clone(), move |overlay| {
            if let Some(canvas) = canvas.cast::<HtmlCanvasElement>() {
                draw(&canvas, overlay);
            }
        });
    }
    let (inline, block) = props.inset;
    let style = format!("inset: {:.3}% {:.3}%", block * 100.0, inline * 100.0);
    let is_covered = matches!(props.overlay, Overlay::Covered(_));
    html! {
        <div class="heat-layer" {style}>
            <canvas
                ref={canvas}
                class={classes!(is_covered.then_some("is-covered"))}
                role="img"
                aria-label={props.label.clone()}
            ></canvas>
        </div>
    }
}

fn draw(canvas: &HtmlCanvasElement, overlay: &Overlay) {
    let Some(pixels) = overlay.pixels() else {
        return;
    };
    canvas.set_width(pixels.side);
    canvas.set_height(pixels.side);
    let context = canvas.get_context("2d").ok().flatten();
    let context = context.and_then(|context| context.dyn_into::<CanvasRenderingContext2d>().ok());
    let image = ImageData::new_with_u8_clamped_array_and_sh(
        Clamped(&pixels.rgba),
        pixels.side,
        pixels.side,
    );
    if let (Some(context), Ok(image)) = (context, image) {
        // Fails only for pixels that are no longer there.
        let _ = context.put_image_data(&image, 0.0, 0.0);
    }
}
