// SPDX-License-Identifier: Apache-2.0
//! tokio-websockets on tokio current_thread; SIMD masking by run-time detection, fastrand masks.
//! Tuned: flush_threshold 64 KiB (default 8 KiB).
use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use tokio_websockets::{ClientBuilder, Config, Limits, Message, Payload, WebSocketStream};
use wsline_bench_peers::*;

struct C<S>(WebSocketStream<S>);
struct M(Payload);
impl AsRef<[u8]> for M {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}
impl<S: Dial> Client for C<S> {
    type Msg = M;
    async fn open(b: &Bench) -> Result<Self, Err> {
        if b.deflate {
            unsupported("tokio-websockets: no permessage-deflate");
        }
        let (ws, _) = ClientBuilder::new()
            .uri(&b.url)?
            .config(Config::default().flush_threshold(65536))
            .limits(Limits::unlimited())
            .connect_on(S::dial(b).await?)
            .await?;
        Ok(C(ws))
    }
    async fn send(&mut self, text: bool, p: &Bytes) -> Result<(), Err> {
        Ok(self
            .0
            .feed(if text {
                Message::text(p.clone())
            } else {
                Message::binary(p.clone())
            })
            .await?)
    }
    async fn flush(&mut self) -> Result<(), Err> {
        Ok(self.0.flush().await?)
    }
    async fn recv(&mut self) -> Result<Option<(bool, M)>, Err> {
        while let Some(m) = self.0.next().await {
            let m = m?;
            if m.is_text() || m.is_binary() {
                return Ok(Some((m.is_text(), M(m.into_payload()))));
            }
        }
        Ok(None)
    }
    async fn close(mut self) -> Result<(), Err> {
        let _ = self.0.close().await;
        Ok(())
    }
}
fn main() {
    let b = Bench::args("tokio-websockets");
    if b.tls {
        rt().block_on(drive::<C<Tls>>(b))
    } else {
        rt().block_on(drive::<C<Tcp>>(b))
    }
}
