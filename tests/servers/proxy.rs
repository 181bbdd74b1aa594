//! A relay that loses answers when told to.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A relay to one server.
pub(crate) struct Proxy {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// How many of the next answers are cut off with their connection.
    pub(crate) cuts: Arc<AtomicU32>,
}

impl Proxy {
    /// Begins to relay to `server`.
    pub(crate) async fn to(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let cuts = Arc::new(AtomicU32::new(0));
        let left = Arc::clone(&cuts);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (server, left) = (server.clone(), Arc::clone(&left));
                tokio::spawn(async move { relay(client, &server, &left).await });
            }
        });
        Self { address, cuts }
    }
}

async fn relay(client: TcpStream, server: &str, cuts: &AtomicU32) {
    let Ok(server) = TcpStream::connect(server).await else { return };
    let (mut asked, mut heard) = client.into_split();
    let (mut answer, mut ask) = server.into_split();
    let forth = tokio::io::copy(&mut asked, &mut ask);
    let back = async {
        let mut bytes = vec![0; 1 << 16];
        while let Ok(n @ 1..) = answer.read(&mut bytes).await {
            let cut = |left: u32| left.checked_sub(1);
            if cuts.fetch_update(Ordering::SeqCst, Ordering::SeqCst, cut).is_ok() {
                return;
            }
            if heard.write_all(&bytes[..n]).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        _ = forth => {}
        () = back => {}
    }
}
