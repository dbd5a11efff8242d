// The handset's service worker: the page and its files are there without a network. Data never comes
// from here: orders live in IndexedDB, and what the server says is always asked of the server.
export {}; // a module to the type checker; the build makes it a classic script

declare const PRECACHE: string[];
declare const BUILD: string;

const worker = self as unknown as ServiceWorkerGlobalScope;

const CACHE = `handset-${BUILD}`;
const PAGE = "/handset";
/** In a dead zone a request does not fail, it hangs: after this long the kept page is shown. */
const ANSWER_MS = 4_000;

/** A newer build waits until no page of the former is open, or until a page says that nothing is under way. */
worker.addEventListener("install", (event) => {
  event.waitUntil(keepAll());
});

worker.addEventListener("message", (event) => {
  if (event.data === "take over") void worker.skipWaiting();
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

/** The page with exactly its files, or nothing: then the build before stays in service. */
async function keepAll(): Promise<void> {
  const page = await fetch(PAGE, { cache: "no-cache" });
  if (!page.ok || page.redirected) throw new Error("nobody is signed in, so there is no page to keep");
  const cache = await caches.open(CACHE);
  await cache.addAll(PRECACHE);
  await cache.put(PAGE, page);
}

/** The server's page while there is a server; ours when there is none. */
async function pageFirst(request: Request): Promise<Response> {
  const kept = await caches.match(PAGE);
  if (!kept) return fetch(request);
  const patience = new Promise<Response>((resolve) => {
    setTimeout(() => resolve(kept.clone()), ANSWER_MS);
  });
  const answer = fetch(request).then((response) => (response.status < 500 ? response : kept.clone()));
  return Promise.race([answer.catch(() => kept.clone()), patience]);
}

async function cacheFirst(request: Request): Promise<Response> {
  return (await caches.match(request)) ?? fetch(request);
}

async function removeOldBuilds(): Promise<void> {
  for (const name of await caches.keys()) {
    if (name !== CACHE) await caches.delete(name);
  }
}

/** An order on the lock screen was tapped: to its page. */
worker.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(showPage());
});

async function showPage(): Promise<void> {
  const pages = await worker.clients.matchAll({ type: "window", includeUncontrolled: true });
  const open = pages.find(({ url }) => new URL(url).pathname === PAGE);
  if (open) await open.focus();
  else await worker.clients.openWindow(PAGE);
}
