// The handset's service worker: the page and its files are there without a network. Data never comes
// from here: orders live in IndexedDB, and what the server says is always asked of the server.
export {}; // a module to the type checker; the build makes it a classic script

declare const PRECACHE: string[];
declare const BUILD: string;

const worker = self as unknown as ServiceWorkerGlobalScope;

const CACHE = `handset-${BUILD}`;
const PAGE = "/handset";

worker.addEventListener("install", (event) => {
  event.waitUntil(
    caches
      .open(CACHE)
      .then((cache) => cache.addAll(PRECACHE))
      .then(() => worker.skipWaiting()),
  );
});

worker.addEventListener("activate", (event) => {
  event.waitUntil(removeOldBuilds().then(() => worker.clients.claim()));
});

worker.addEventListener("fetch", (event) => {
  const { pathname } = new URL(event.request.url);
  if (event.request.method !== "GET") return;
  if (pathname === PAGE) event.respondWith(pageFirst(event.request));
  else if (PRECACHE.includes(pathname)) event.respondWith(cacheFirst(event.request));
});

/** The server's page while there is a server; what it last was when there is none. */
async function pageFirst(request: Request): Promise<Response> {
  const cache = await caches.open(CACHE);
  try {
    const response = await fetch(request);
    if (response.ok && !response.redirected) await cache.put(PAGE, response.clone());
    return response;
  } catch (error) {
    const kept = await cache.match(PAGE);
    if (kept) return kept;
    throw error;
  }
}

async function cacheFirst(request: Request): Promise<Response> {
  return (await caches.match(request)) ?? fetch(request);
}

async function removeOldBuilds(): Promise<void> {
  for (const name of await caches.keys()) {
    if (name !== CACHE) await caches.delete(name);
  }
}
