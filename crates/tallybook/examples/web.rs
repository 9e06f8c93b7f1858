//! A web service that counts its requests: by route and status, by client, with their latency and
//! with what is open now. `GET /stats` answers a summary with rates and quantiles, `GET /snapshot`
//! the whole snapshot.
//!
//! ```sh
//! cargo run -p tallybook --features serde --example web                   # asks itself, and ends
//! cargo run -p tallybook --features serde --example web -- 127.0.0.1:8080 # serves
//! ```

use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::{Json, Router, http::StatusCode, response::Response, routing::get};
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tallybook::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

#[derive(Clone, Copy, Label)]
enum Route {
    Home,
    Search,
    Stats,
    Other,
}

#[derive(Clone, Copy, Label)]
enum Status {
    Success,
    ClientError,
    ServerError,
}

#[derive(Stats)]
struct Http {
    routes: PerLabel<Route, RouteStats>,
}

#[derive(Stats)]
struct RouteStats {
    answered: PerLabel<Status, Counter>,
    /// Time from request to response.
    latency: Histogram<Duration>,
    /// Requests in progress.
    open: Live,
}

#[derive(Stats)]
struct Client {
    requests: Counter,
}

#[derive(Clone)]
struct App {
    reader: Reader,
    http: Set<Http>,
    clients: Family<IpAddr, Client>,
    /// A key stays in the family while somebody holds its entry. These entries are of the clients
    /// seen in the current minute.
    recent: Arc<Mutex<HashMap<IpAddr, Entry<IpAddr, Client>>>>,
}

impl App {
    fn new(registry: &Registry) -> Result<Self, Box<dyn std::error::Error>> {
        // Clients choose the keys, so their number is limited.
        let clients = registry.family_builder("client", "addr").max_keys(100_000).register()?;
        let (reader, http) = (registry.reader(), registry.set("http")?);
        Ok(App { reader, http, clients, recent: Arc::default() })
    }

    /// The entry of a client; `None` if the family is full, which the family counts.
    fn client(&self, addr: IpAddr) -> Option<Entry<IpAddr, Client>> {
        let mut recent = self.recent.lock().expect("no holder panics");
        if let Some(client) = recent.get(&addr) {
            return Some(client.clone());
        }
        let client = self.clients.entry(addr).ok()?;
        recent.insert(addr, client.clone());
        Some(client)
    }

    fn router(self) -> Router {
        Router::new()
            .route("/", get(|| async { "hello" }))
            .route("/search", get(search))
            .route("/stats", get(async |app: State<App>| Json(app.reader.latest().summary())))
            .route("/snapshot", get(async |app: State<App>| Json(app.reader.latest())))
            .layer(from_fn_with_state(self.clone(), count))
            .with_state(self)
    }
}

async fn search() -> Result<&'static str, StatusCode> {
    tokio::time::sleep(Duration::from_millis(5)).await; // the index
    Err(StatusCode::SERVICE_UNAVAILABLE)
}

/// The middleware that counts.
async fn count(
    State(app): State<App>,
    ConnectInfo(addr): ConnectInfo<SocketAddr>,
    path: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    let route = match path.as_ref().map(MatchedPath::as_str) {
        Some("/") => Route::Home,
        Some("/search") => Route::Search,
        Some("/stats" | "/snapshot") => Route::Stats,
        _ => Route::Other,
    };
    let client = app.client(addr.ip());
    // Both live across the `.await`, and end even if the client leaves and the future is dropped.
    let open = app.http.open_label(|http, route| &http.routes[route].open, route);
    let timer = app.http.timer_label(|http, route| &http.routes[route].latency, route);
    let response = next.run(request).await;
    let status = match response.status().as_u16() {
        ..400 => Status::Success,
        400..500 => Status::ClientError,
        _ => Status::ServerError,
    };
    // One fact, over a set and an entry: in every snapshot they agree.
    app.http.record(|http| {
        http.routes[route].answered[status].inc();
        timer.stop();
        drop(open);
        if let Some(client) = client {
            client.record(|client| client.requests.inc());
        }
    });
    response
}

/// A plain HTTP client: the body of the answer.
async fn ask(server: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(server).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer.split_once("\r\n\r\n").map_or_else(String::new, |(_, body)| body.to_owned()))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let registry = Registry::new();
    let app = App::new(&registry)?;
    let ticker = registry.collect_every(Duration::from_millis(500))?;

    let address = std::env::args().nth(1);
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:0")).await?;
    let local = listener.local_addr()?;
    let router = app.clone().router().into_make_service_with_connect_info::<SocketAddr>();
    let server = tokio::spawn(async { axum::serve(listener, router).await });
    if address.is_some() {
        println!("http://{local}/stats");
        let mut minutes = tokio::time::interval(Duration::from_secs(60));
        loop {
            minutes.tick().await;
            // Clients that do not come back retire; their counts stay in the family's total.
            app.recent.lock().expect("no holder panics").clear();
        }
    }

    for path in ["/", "/search", "/", "/nowhere"] {
        ask(local, path).await?;
    }
    ticker.stop()?; // with a last exact cut, which `/stats` then answers
    println!("{}", ask(local, "/stats").await?);

    let now = app.reader.latest();
    let (http, clients) = (now.set(&app.http), now.family(&app.clients));
    let timed: u64 = http.routes.iter().map(|(_, route)| route.latency.count()).sum();
    assert_eq!((timed, clients.total().requests), (4, 4));
    server.abort();
    Ok(())
}
