//! A model's verdicts in words, and the galleries behind them.

use std::rc::Rc;

use headstart_project::{Evaluation, SampleId, SampleVerdict};
use yew::AttrValue;

use crate::components::gallery::{Item, Opened};
use crate::words::sure;

/// The class's name; empty for one that does not exist.
pub fn name(names: &[Rc<str>], class: u32) -> Rc<str> {
    names.get(class as usize).cloned().unwrap_or_default()
}

/// An image with what the model said of it.
pub fn item(verdict: &SampleVerdict, names: &[Rc<str>]) -> Item {
    let said = name(names, verdict.predicted);
    let caption = if verdict.actual == verdict.predicted {
        format!("recognised, {}", sure(verdict.confidence))
    } else {
        format!("taken for {said}, {}", sure(verdict.confidence))
    };
    Item {
        id: verdict.id,
        caption: caption.into(),
    }
}

/// What a cell of the confusion matrix counts: `3 Stars taken for Circles`.
pub fn cell_title(names: &[Rc<str>], actual: usize, predicted: usize, count: u32) -> String {
    let name = |at: usize| names.get(at).cloned().unwrap_or_default();
    let class = name(actual);
    if actual == predicted {
        format!("{count} {class} recognised")
    } else {
        format!("{count} {class} taken for {}", name(predicted))
    }
}

/// The images that a cell of the confusion matrix counts, the most confident verdict first.
pub fn behind_cell(
    evaluation: &Evaluation,
    names: &[Rc<str>],
    actual: usize,
    predicted: usize,
) -> Opened {
    let mut verdicts: Vec<_> = evaluation
        .verdicts
        .iter()
        .filter(|v| v.actual as usize == actual && v.predicted as usize == predicted)
        .collect();
    verdicts.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
    let count = verdicts.len() as u32;
    Opened {
        title: cell_title(names, actual, predicted, count).into(),
        items: verdicts
            .into_iter()
            .map(|verdict| item(verdict, names))
            .collect(),
        large: None,
    }
}

/// All mistakes, with one of them large.
pub fn opened_mistakes(wrong: &[SampleVerdict], names: &[Rc<str>], large: SampleId) -> Opened {
    Opened {
        title: AttrValue::Static("Mistakes, the surest first"),
        items: wrong.iter().map(|verdict| item(verdict, names)).collect(),
        large: Some(large),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(id: u32, actual: u32, predicted: u32, confidence: f32) -> SampleVerdict {
        SampleVerdict {
            id: SampleId(id),
            actual,
            predicted,
            confidence,
            given: 0.0,
        }
    }

    fn evaluation() -> Evaluation {
        Evaluation {
            accuracy: 0.25,
            confusion: vec![vec![1, 2], vec![1, 0]],
            verdicts: vec![
                verdict(1, 0, 1, 0.6),
                verdict(2, 0, 0, 0.9),
                verdict(3, 1, 0, 0.7),
                verdict(4, 0, 1, 0.8),
            ],
        }
    }

    #[test]
    fn a_cell_opens_its_own_images() {
        let names = ["Stars".into(), "Circles".into()];
        let opened = behind_cell(&evaluation(), &names, 0, 1);
        assert_eq!(opened.title, "2 Stars taken for Circles");
        let ids: Vec<_> = opened.items.iter().map(|item| item.id.0).collect();
        assert_eq!(ids, [4, 1]);
        let caption = opened.items.first().map(|item| item.caption.clone());
        assert_eq!(caption.as_deref(), Some("taken for Circles, 80% sure"));
        let right = behind_cell(&evaluation(), &names, 0, 0);
        assert_eq!(right.title, "1 Stars recognised");
    }
}
