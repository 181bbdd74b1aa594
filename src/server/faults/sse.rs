//! Streams that go wrong.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes};
use axum::http::header::CONTENT_LENGTH;
use axum::response::Response;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, stream};
use tokio::time::sleep;

use super::What;

/// Reads a stream frame by frame, and lets each go through as the rule says.
struct Frames {
    from: BodyDataStream,
    /// What has come and is no whole frame yet.
    rest: Vec<u8>,
    ready: VecDeque<Vec<u8>>,
    what: What,
    seen: usize,
    closing: BoxFuture<'static, ()>,
}

/// Lets a stream go wrong.
pub(super) fn change(
    response: Response,
    what: What,
    closing: impl Future<Output = ()> + Send + 'static,
) -> Response {
    let (mut parts, body) = response.into_parts();
    parts.headers.remove(CONTENT_LENGTH);
    let frames = Frames {
        from: body.into_data_stream(),
        rest: Vec::new(),
        ready: VecDeque::new(),
        what,
        seen: 0,
        closing: closing.boxed(),
    };
    let changed = stream::unfold(Some(frames), |frames| async {
        let mut frames = frames?;
        match frames.next().await {
            Next::Bytes(bytes) => Some((Ok(bytes), Some(frames))),
            Next::Broken => Some((Err(io::Error::from(io::ErrorKind::BrokenPipe)), None)),
            Next::End => None,
        }
    });
    Response::from_parts(parts, Body::from_stream(changed))
}

enum Next {
    Bytes(Bytes),
    Broken,
    End,
}

impl Frames {
    async fn next(&mut self) -> Next {
        match self.what {
            What::SseEnd(n) if self.seen >= n => return Next::End,
            What::SseHang(n) if self.seen >= n => {
                (&mut self.closing).await;
                return Next::End;
            }
            // The half that was sent is flushed while there is nothing more to give.
            What::SseDie(n) if self.seen > n => {
                tokio::task::yield_now().await;
                return Next::Broken;
            }
            _ => {}
        }
        let Some(mut frame) = self.frame().await else { return Next::End };
        // Comments keep a stream alive and are not counted.
        if frame.starts_with(b":") {
            return Next::Bytes(frame.into());
        }
        self.seen += 1;
        match self.what {
            What::SseDie(n) if self.seen > n => frame.truncate(frame.len() / 2),
            What::SseRepeat => frame = frame.repeat(2),
            What::SseSlow(time) => self.wait(time).await,
            _ => {}
        }
        Next::Bytes(frame.into())
    }

    async fn wait(&mut self, time: Duration) {
        tokio::select! {
            () = sleep(time) => {}
            () = &mut self.closing => {}
        }
    }

    /// Returns the next whole frame, or what is left at the end.
    async fn frame(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(frame) = self.ready.pop_front() {
                return Some(frame);
            }
            let Some(Ok(chunk)) = self.from.next().await else {
                let rest = std::mem::take(&mut self.rest);
                return Some(rest).filter(|rest| !rest.is_empty());
            };
            self.rest.extend_from_slice(&chunk);
            while let Some(at) = self.rest.windows(2).position(|pair| pair == b"\n\n") {
                let rest = self.rest.split_off(at + 2);
                self.ready.push_back(std::mem::replace(&mut self.rest, rest));
            }
        }
    }
}
