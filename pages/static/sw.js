// The service worker keeps what is the same for everybody: NiceGUI's files of this version, our
// static files, and the page shown without a network. Never a page: those are about somebody.
const VERSION = "@VERSION@";
const SHELF = "xinglin-" + VERSION;
const OFFLINE = "/offline.html";

function keeps(url) {
  return url.pathname.startsWith("/_nicegui/@NICEGUI@/") || url.pathname.startsWith("/static/");
}

self.addEventListener("install", (event) => {
  // What a page sends while it is being left must not pass through here: Chromium loses a
  // keepalive request whose page is gone before the worker has looked at it.
  if (event.addRoutes) {
    event.waitUntil(event.addRoutes({ condition: { requestMethod: "POST" }, source: "network" }));
  }
  event.waitUntil(
    caches.open(SHELF).then((shelf) => shelf.addAll([OFFLINE, "/static/logo.svg"])).then(() => self.skipWaiting()),
  );
});

self.addEventListener("activate", (event) => {
  const older = (name) => name.startsWith("xinglin-") && name !== SHELF;
  event.waitUntil(
    caches
      .keys()
      .then((names) => Promise.all(names.filter(older).map((name) => caches.delete(name))))
      .then(() => self.clients.claim()),
  );
});

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== location.origin) return;
  if (event.request.mode === "navigate") {
    event.respondWith(fetch(event.request).catch(() => caches.match(OFFLINE)));
  } else if (keeps(url)) {
    event.respondWith(kept(event.request));
  }
});

async function kept(request) {
  const shelf = await caches.open(SHELF);
  const found = await shelf.match(request);
  if (found) return found;
  const answer = await fetch(request);
  const lasting = (answer.headers.get("cache-control") || "").includes("immutable");
  if (answer.ok && answer.type === "basic" && lasting) await shelf.put(request, answer.clone());
  return answer;
}
