// Keeps the whole site in the browser, so that it works without a network.
// A version is all of its files or nothing: each is checked against its hash while it is installed, and a page is only ever served from one version.

// Both are filled in by the build, from the finished files.
const VERSION = "";
const FILES = {};

const PREFIX = "headstart-";
const CACHE = `${PREFIX}${VERSION}`;
const PARALLEL = 6;

self.addEventListener("install", (event) => event.waitUntil(install()));
self.addEventListener("activate", (event) => event.waitUntil(activate()));
self.addEventListener("fetch", (event) => {
  const path = pathOf(event.request);
  if (path !== undefined) event.respondWith(answer(event.request, path));
});
// The user wants the waiting version.
self.addEventListener("message", (event) => {
  if (event.data === "use") self.skipWaiting();
});

async function install() {
  const cache = await caches.open(CACHE);
  const waiting = Object.entries(FILES);
  const worker = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const [path, integrity] = next;
      if (await cache.match(path)) continue;
      // A server in the middle of an update may still have the old file: the hash refuses it, and the installation is tried again later.
      const response = await fetch(path, { cache: "no-cache", integrity });
      if (!response.ok) throw new Error(`${path}: ${response.status}`);
      await cache.put(path, response);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
}

async function activate() {
  const names = await caches.keys();
  const old = names.filter((name) => name.startsWith(PREFIX) && name !== CACHE);
  await Promise.all(old.map((name) => caches.delete(name)));
  await self.clients.claim();
}

// The site's own file that is meant, if it is one.
function pathOf(request) {
  const url = new URL(request.url);
  const scope = new URL(self.registration.scope);
  if (request.method !== "GET" || url.origin !== scope.origin || !url.pathname.startsWith(scope.pathname)) return undefined;
  const path = decodeURIComponent(url.pathname.slice(scope.pathname.length)) || "index.html";
  return path in FILES ? path : undefined;
}

async function answer(request, path) {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(path);
  // The browser may have cleared a file away. Only the same bytes may take its place: the server may have a newer version by now.
  return kept ?? fetch(path, { cache: "no-cache", integrity: FILES[path] });
}
