use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Poll, Waker};

use futures_util::future::{Either, select};
use futures_util::task::AtomicWaker;

/// Whether a device is lost. Clones share it.
#[derive(Clone, Default)]
pub struct Loss(Arc<(AtomicBool, AtomicWaker)>);

impl Loss {
    /// Notes the loss and wakes whoever waits for it.
    #[cfg_attr(not(any(feature = "webgpu", test)), expect(dead_code))]
    pub fn report(&self) {
        self.0.0.store(true, Ordering::Relaxed);
        self.0.1.wake();
    }

    /// Whether it has happened.
    pub fn has_happened(&self) -> bool {
        self.0.0.load(Ordering::Relaxed)
    }

    /// Has `waker` woken when it happens; only the last one is.
    pub fn wake(&self, waker: &Waker) {
        self.0.1.register(waker);
    }

    /// What `work` gives, or nothing when the device is lost before.
    /// Then the work is never touched again, not even to free it: neither may be the tensors of a lost device.
    pub async fn or_lost<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        match select(Box::pin(work), Box::pin(self.happens())).await {
            Either::Left((output, _)) => Some(output),
            Either::Right(((), work)) => {
                std::mem::forget(work);
                None
            }
        }
    }

    /// Ends when it happens.
    async fn happens(&self) {
        poll_fn(|context| {
            self.wake(context.waker());
            if self.has_happened() {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::{pending, ready};
    use std::pin::pin;
    use std::task::Context;

    use super::*;

    /// Polls until nothing is going on any more.
    fn poll<T>(work: impl Future<Output = T>) -> Poll<T> {
        pin!(work).poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn work_that_ends_before_the_loss_gives_its_output() {
        let loss = Loss::default();
        assert_eq!(poll(loss.or_lost(ready(7))), Poll::Ready(Some(7)));
        assert_eq!(poll(loss.or_lost(pending::<u8>())), Poll::Pending);
    }

    #[test]
    fn work_ends_with_the_device() {
        let loss = Loss::default();
        let mut work = pin!(loss.or_lost(pending::<u8>()));
        let mut context = Context::from_waker(Waker::noop());
        assert_eq!(work.as_mut().poll(&mut context), Poll::Pending);
        loss.clone().report();
        assert!(loss.has_happened(), "clones share it");
        assert_eq!(work.as_mut().poll(&mut context), Poll::Ready(None));
    }

    #[test]
    fn what_a_lost_device_holds_is_never_freed() {
        struct Tensor<'a>(&'a Cell<bool>);
        impl Drop for Tensor<'_> {
            fn drop(&mut self) {
                self.0.set(true);
            }
        }
        let is_freed = Cell::new(false);
        let loss = Loss::default();
        loss.report();
        let tensor = Tensor(&is_freed);
        let work = async move {
            pending::<()>().await;
            drop(tensor);
        };
        assert_eq!(poll(loss.or_lost(work)), Poll::Ready(None));
        assert!(!is_freed.get());
    }
}
