// Builds the faces into ../server/web: content-hashed assets, one HTML page a face, the service
// worker, the web app manifest, licence texts of everything that ships, and manifest.json.
//
//   npm run build             once, minified
//   npm run watch             again on every change, not minified
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { cp, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import * as esbuild from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const target = join(here, "../server/web");
/** Built here first, then moved: a running server never sees half a build. */
const out = join(here, "node_modules/.cache/ridgeline");
const assets = join(out, "assets");
const watching = process.argv.includes("--watch");

const exists = (path) => existsSync(join(here, path));

const FACES = [
  { name: "login", title: "Ridgeline · sign in" },
  { name: "console", title: "Ridgeline · console" },
  { name: "handset", title: "Ridgeline · handset" },
  { name: "audit", title: "Ridgeline · audit" },
].filter(({ name }) => exists(`src/${name}/main.tsx`));

/**
 * Parts of OpenLayers that nothing here calls but its modules import: expressions in flat styles,
 * reprojection of tiles, hit detection by layer instead of by map, its own buttons. Their functions and
 * classes become errors, which takes 22 kB off the console.
 */
const UNUSED =
  /ol\/(render\/canvas\/(style|hitdetect)|reproj\/(glreproj|DataTile|Tile|Triangulation)|control\/defaults)\.js$/;

const withoutUnused = {
  name: "without-unused",
  setup(build) {
    build.onLoad({ filter: UNUSED }, async ({ path }) => {
      const source = await readFile(path, "utf8");
      const stubs = [];
      for (const [, isDefault, name] of source.matchAll(/^export (?:function|const|(default)) (\w+)/gm)) {
        const body = `throw new Error("${name} is left out of this build");`;
        stubs.push(
          isDefault
            ? `export default class ${name} { constructor() { ${body} } }`
            : `export function ${name}() { ${body} }`,
        );
      }
      return { contents: stubs.join("\n") };
    });
  },
};

const common = {
  absWorkingDir: here,
  bundle: true,
  minify: !watching,
  sourcemap: watching ? "inline" : false,
  target: ["es2022"],
  jsx: "automatic",
  jsxImportSource: "preact",
  metafile: true,
  legalComments: "none",
  logLevel: "warning",
};

/** Page scripts: ES modules that share chunks. */
const facesOptions = {
  ...common,
  plugins: [withoutUnused],
  entryPoints: FACES.map(({ name }) => ({ in: `src/${name}/main.tsx`, out: name })),
  format: "esm",
  splitting: true,
  outdir: assets,
  entryNames: "[name]-[hash]",
  chunkNames: "chunk-[hash]",
  assetNames: "[name]-[hash]",
};

/** Runs before the first paint: sets theme and language on <html>. */
const bootOptions = {
  ...common,
  entryPoints: [{ in: "src/shared/boot.ts", out: "boot" }],
  format: "iife",
  outdir: assets,
  entryNames: "[name]-[hash]",
};

async function build() {
  await rm(out, { recursive: true, force: true });
  await mkdir(assets, { recursive: true });
  const [faces, boot] = await Promise.all([esbuild.build(facesOptions), esbuild.build(bootOptions)]);
  const statics = await copyStatics();
  const bootScript = Object.keys(boot.metafile.outputs)[0];
  const manifest = { ...statics, boot: `/assets/${basename(bootScript)}` };

  const pages = {};
  for (const face of FACES) {
    const files = filesOf(faces.metafile, `src/${face.name}/main.tsx`);
    pages[face.name] = [manifest.boot, ...files.scripts, ...files.styles];
    manifest[`${face.name}.js`] = files.scripts[0];
    if (files.styles[0]) manifest[`${face.name}.css`] = files.styles[0];
    await writeFile(join(out, `${face.name}.html`), page(face, files, manifest));
  }
  await writeFile(join(out, "manifest.webmanifest"), webManifest(manifest));
  if (exists("src/sw/main.ts"))
    await buildServiceWorker([...new Set([...(pages.handset ?? []), ...Object.values(statics)])]);
  await writeFile(join(out, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  await copyLicences(faces.metafile);
  await report(pages);
  await rm(target, { recursive: true, force: true });
  await mkdir(dirname(target), { recursive: true });
  await rename(out, target);
}

/** The entry's script first, then the chunks it imports at once; the style sheet. */
function filesOf(metafile, entryPoint) {
  const [entry] = Object.entries(metafile.outputs).find(([, output]) => output.entryPoint === entryPoint);
  const scripts = new Set();
  const visit = (path) => {
    if (scripts.has(path)) return;
    scripts.add(path);
    for (const { path: next, kind } of metafile.outputs[path].imports) {
      if (kind === "import-statement") visit(next);
    }
  };
  visit(entry);
  const style = metafile.outputs[entry].cssBundle;
  const url = (path) => `/assets/${basename(path)}`;
  return { scripts: [...scripts].map(url), styles: style ? [url(style)] : [] };
}

function page({ name, title }, { scripts, styles }, manifest) {
  const [entry, ...chunks] = scripts;
  return `<!doctype html>
<html lang="en" data-face="${name}">
<head>
<meta charset="utf-8">
<title>${title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="same-origin">
<script src="${manifest.boot}"></script>
<link rel="icon" href="${manifest["icon.svg"]}" type="image/svg+xml">
${name === "handset" ? `<link rel="manifest" href="/manifest.webmanifest">\n` : ""}${styles.map((href) => `<link rel="stylesheet" href="${href}">`).join("\n")}
${chunks.map((href) => `<link rel="modulepreload" href="${href}">`).join("\n")}
<script type="module" src="${entry}"></script>
</head>
<body>
<div id="root"></div>
<noscript>Ridgeline needs JavaScript. · Ridgeline 需要启用 JavaScript。</noscript>
</body>
</html>
`;
}

function webManifest(manifest) {
  const icons = [{ src: manifest["icon.svg"], sizes: "any", type: "image/svg+xml", purpose: "any" }];
  for (const size of [192, 512]) {
    const src = manifest[`icon-${size}.png`];
    if (src) icons.push({ src, sizes: `${size}x${size}`, type: "image/png", purpose: "any maskable" });
  }
  const web = {
    id: "/handset",
    name: "Ridgeline",
    short_name: "Ridgeline",
    description: "Orders, position and battery of an officer's handset",
    start_url: "/handset",
    scope: "/",
    display: "standalone",
    orientation: "portrait",
    background_color: "#0e151b",
    theme_color: "#0e151b",
    icons,
  };
  return `${JSON.stringify(web, null, 2)}\n`;
}

/** /sw.js: knows the handset's files (PRECACHE) and the name of this build (BUILD). */
async function buildServiceWorker(precache) {
  const build = createHash("sha256").update(precache.join("\n")).digest("hex").slice(0, 12);
  await esbuild.build({
    ...common,
    entryPoints: ["src/sw/main.ts"],
    format: "iife",
    outfile: join(out, "sw.js"),
    define: { PRECACHE: JSON.stringify(precache), BUILD: JSON.stringify(build) },
  });
}

async function copyStatics() {
  const names = {};
  for (const name of (await readdir(join(here, "static"))).sort()) {
    const bytes = await readFile(join(here, "static", name));
    const hash = createHash("sha256").update(bytes).digest("hex").slice(0, 8);
    const hashed = `${basename(name, extname(name))}-${hash}${extname(name)}`;
    await writeFile(join(assets, hashed), bytes);
    names[name] = `/assets/${hashed}`;
  }
  return names;
}

/** Licence texts of the packages that esbuild put into a bundle. */
async function copyLicences(metafile) {
  const packages = new Set();
  for (const input of Object.keys(metafile.inputs)) {
    const match = /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input);
    if (match) packages.add(match[1]);
  }
  await mkdir(join(out, "licenses"), { recursive: true });
  for (const name of packages) {
    const folder = join(here, "node_modules", name);
    const file = (await readdir(folder)).find((entry) => /^(licen[sc]e|copying)(\.|$)/i.test(entry));
    if (!file) throw new Error(`package ${name} ships without a licence text`);
    await cp(join(folder, file), join(out, "licenses", `${name.replace("/", "__")}.txt`));
  }
}

async function report(pages) {
  for (const [name, files] of Object.entries(pages)) {
    let bytes = 0;
    for (const url of files) bytes += gzipSync(await readFile(join(out, url)), { level: 9 }).length;
    console.log(`${name.padEnd(8)} ${(bytes / 1000).toFixed(1)} kB gzipped first load`);
  }
}

await build();
if (watching) {
  const { watch } = await import("node:fs");
  let timer;
  watch(join(here, "src"), { recursive: true }, () => {
    clearTimeout(timer);
    timer = setTimeout(() => build().catch((error) => console.error(error.message)), 100);
  });
}
