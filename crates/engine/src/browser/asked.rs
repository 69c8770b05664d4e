//! Questions of the page that wait for their answers.

use std::marker::PhantomData;
use std::rc::Rc;

use headstart_project::{Ask, Event, Failure, RequestId};
use wasm_bindgen::JsValue;

/// What comes of a question: the answer and its attachments, or why there is none.
pub type Outcome<Q> = Result<(<Q as Ask>::Answer, Vec<JsValue>), Failure>;

/// How an answer is sent.
pub type Post = Rc<dyn Fn(&Event, &[JsValue])>;

/// A question that waits. It gets exactly one answer: whoever drops it answers that it was dropped.
pub struct Asked<Q> {
    request: RequestId,
    post: Option<Post>,
    question: PhantomData<Q>,
}

impl<Q> Asked<Q> {
    /// The question of this name, whose answer is sent by `post`.
    pub fn new(request: RequestId, post: Post) -> Self {
        Self {
            request,
            post: Some(post),
            question: PhantomData,
        }
    }
}

impl<Q: Ask> Asked<Q> {
    /// Answers.
    pub fn answer(mut self, outcome: Outcome<Q>) {
        let (answer, attachments) = match outcome {
            Ok((answer, attachments)) => (Ok(answer.into()), attachments),
            Err(failure) => (Err(failure), Vec::new()),
        };
        if let Some(post) = self.post.take() {
            let request = self.request;
            post(&Event::Answered { request, answer }, &attachments);
        }
    }
}

impl<Q> Drop for Asked<Q> {
    fn drop(&mut self) {
        if let Some(post) = self.post.take() {
            let answer = Err(Failure::dropped());
            let request = self.request;
            post(&Event::Answered { request, answer }, &[]);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use headstart_project::{Answer, LookInside, Probe, Probed, Rejection};

    use super::*;

    /// What the page hears while `work` is done with a question.
    fn heard<Q>(work: impl FnOnce(Asked<Q>)) -> Vec<Event> {
        let events = Rc::new(RefCell::new(Vec::new()));
        let post: Post = {
            let events = events.clone();
            Rc::new(move |event, _| events.borrow_mut().push(event.clone()))
        };
        work(Asked::new(RequestId(7), post));
        events.take()
    }

    fn answered(answer: Result<Answer, Failure>) -> Vec<Event> {
        let request = RequestId(7);
        vec![Event::Answered { request, answer }]
    }

    #[test]
    fn a_question_is_answered_once() {
        let probed = Probed { image_ms: 30.0 };
        let heard = heard::<Probe>(|asked| asked.answer(Ok((probed, Vec::new()))));
        assert_eq!(heard, answered(Ok(probed.into())));
    }

    #[test]
    fn the_reason_why_nothing_is_seen_inside_reaches_the_page() {
        let inside = |image: Result<(), Rejection>| -> Outcome<LookInside> {
            image?;
            Err(Failure::dropped())
        };
        let heard = heard::<LookInside>(|asked| asked.answer(inside(Err(Rejection::Truncated))));
        let sentence = Rejection::Truncated.to_string();
        assert_eq!(heard, answered(Err(Failure { sentence })));
    }

    #[test]
    fn a_question_that_is_dropped_is_answered_too() {
        let heard = heard::<Probe>(drop);
        assert_eq!(heard, answered(Err(Failure::dropped())));
    }
}
