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
  { name: "admin", title: "Ridgeline · administration" },
  { name: "styleguide", title: "Ridgeline · style guide" },
].filter(({ name }) => exists(`src/${name}/main.tsx`));

/**
 * Parts of OpenLayers that nothing here calls but its modules import: expressions in flat styles,
 * reprojection of tiles, hit detection by layer instead of by map, its own buttons, its own choice of
 * interactions. Their functions and classes become errors, which takes 22 kB off the console.
 */
const UNUSED =
  /ol\/(render\/canvas\/(style|hitdetect)|reproj\/(glreproj|DataTile|Tile|Triangulation)|(control|interaction)\/defaults)\.js$/;
/** Asked of every projection that is not known; `null` is its answer for "not mine", too. */
const UTM = /ol\/proj\/utm\.js$/;

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
    build.onLoad({ filter: UTM }, () => ({
      contents: "export const makeProjection = () => null; export const makeTransforms = () => null;",
    }));
    // Circles of the default style: every layer here has its own. Layers that are opened later draw circles.
    build.onResolve({ filter: /^\.\/Circle\.js$/ }, ({ importer }) =>
      importer.endsWith("ol/style/Style.js") ? { path: "Circle", namespace: "unused" } : undefined,
    );
    build.onLoad({ filter: /./, namespace: "unused" }, () => ({
      contents: `export default class { constructor() { throw new Error("this layer has no style"); } }`,
    }));
  },
};

/** One object for each dictionary: by itself, esbuild exports each of its keys as well. */
const dictionaries = {
  name: "dictionaries",
  setup(build) {
    build.onLoad({ filter: /\/locales\/\w+\.json$/ }, async ({ path }) => ({
      contents: `export default ${await readFile(path, "utf8")}`,
    }));
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
const facesOptions = (faces) => ({
  ...common,
  plugins: [withoutUnused, dictionaries],
  entryPoints: faces.map(({ name }) => ({ in: `src/${name}/main.tsx`, out: name })),
  format: "esm",
  splitting: true,
  outdir: assets,
  entryNames: "[name]-[hash]",
  chunkNames: "chunk-[hash]",
  assetNames: "[name]-[hash]",
});

/**
 * The handset is on devices of its own: chunks that it shared with the pages of a desk would only cut those
 * into smaller ones, which compress less well.
 */
const handset = FACES.filter(({ name }) => name === "handset");
const desk = FACES.filter(({ name }) => name !== "handset");

/** Styles of what is opened later in a face: fetched by src/shared/lazy.tsx, not with the page. */
const laterOptions = {
  ...common,
  entryPoints: FACES.filter(({ name }) => exists(`src/${name}/later.css`)).map(({ name }) => ({
    in: `src/${name}/later.css`,
    out: `${name}-later`,
  })),
  outdir: assets,
  entryNames: "[name]-[hash]",
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
  const [ofDesk, ofHandset, boot, later] = await Promise.all(
    [facesOptions(desk), facesOptions(handset), bootOptions, laterOptions].map((options) =>
      esbuild.build(options),
    ),
  );
  const faces = {
    metafile: {
      inputs: { ...ofDesk.metafile.inputs, ...ofHandset.metafile.inputs },
      outputs: { ...ofDesk.metafile.outputs, ...ofHandset.metafile.outputs },
    },
  };
  const statics = await copyStatics();
  const bootScript = Object.keys(boot.metafile.outputs)[0];
  const manifest = { ...statics, boot: `/assets/${basename(bootScript)}` };

  const pages = {};
  /** What a face fetches later. */
  const opened = {};
  for (const face of FACES) {
    const files = filesOf(faces.metafile, `src/${face.name}/main.tsx`);
    files.later = sheetOf(later.metafile, `src/${face.name}/later.css`);
    opened[face.name] = [...files.opened, ...(files.later ? [files.later] : [])];
    pages[face.name] = { always: [manifest.boot, ...files.scripts, ...files.styles], words: files.words };
    manifest[`${face.name}.js`] = files.scripts[0];
    if (files.styles[0]) manifest[`${face.name}.css`] = files.styles[0];
    await writeFile(join(out, `${face.name}.html`), page(face, files, manifest));
  }
  await writeFile(join(out, "manifest.webmanifest"), webManifest(manifest));
  if (exists("src/sw/main.ts"))
    await buildServiceWorker([
      ...new Set([...(pages.handset?.always ?? []), ...(opened.handset ?? []), ...Object.values(statics)]),
    ]);
  await writeFile(join(out, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  await copyLicences(faces.metafile);
  await report(pages);
  await rm(target, { recursive: true, force: true });
  await mkdir(dirname(target), { recursive: true });
  await rename(out, target);
}

/**
 * The entry's script first, then the chunks it imports at once; those it imports later; the style sheet; of the later
 * ones the words of each language, of which a page fetches its own at once.
 */
function filesOf(metafile, entryPoint) {
  const [entry] = Object.entries(metafile.outputs).find(([, output]) => output.entryPoint === entryPoint);
  const visit = (path, kinds, found = new Set()) => {
    if (found.has(path)) return found;
    found.add(path);
    for (const { path: next, kind } of metafile.outputs[path].imports) {
      if (kinds.includes(kind)) visit(next, kinds, found);
    }
    return found;
  };
  const scripts = visit(entry, ["import-statement"]);
  const all = visit(entry, ["import-statement", "dynamic-import"]);
  const style = metafile.outputs[entry].cssBundle;
  const wordsIn = (language) =>
    [...scripts]
      .flatMap((path) => metafile.outputs[path].imports)
      .filter(({ path }) => metafile.outputs[path]?.entryPoint?.endsWith(`/locales/${language}.json`))
      .map(({ path }) => urlOf(path));
  return {
    scripts: [...scripts].map(urlOf),
    opened: [...all].filter((path) => !scripts.has(path)).map(urlOf),
    styles: style ? [urlOf(style)] : [],
    words: { en: wordsIn("en"), zh: wordsIn("zh") },
  };
}

const urlOf = (path) => `/assets/${basename(path)}`;

function sheetOf(metafile, entryPoint) {
  const found = Object.entries(metafile.outputs).find(([, output]) => output.entryPoint === entryPoint);
  return found && urlOf(found[0]);
}

function page({ name, title }, { scripts, styles, later, words }, manifest) {
  const [entry, ...chunks] = scripts;
  return `<!doctype html>
<html lang="en" data-face="${name}"${later ? ` data-later="${later}"` : ""} data-words-en="${words.en.join(" ")}" data-words-zh="${words.zh.join(" ")}">
<head>
<meta charset="utf-8">
<title>${title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="same-origin">
<script src="${manifest.boot}"></script>
<link rel="icon" href="${manifest["icon.svg"]}" type="image/svg+xml">
${name === "handset" ? installable(manifest) : ""}${styles.map((href) => `<link rel="stylesheet" href="${href}">`).join("\n")}
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

/** Apple's browsers read no icon and no colour from the manifest of a page on the home screen. */
const installable = (manifest) => `<link rel="manifest" href="/manifest.webmanifest">
<link rel="apple-touch-icon" href="${manifest["icon-192.png"]}">
<meta name="theme-color" content="#f8fafb" media="(prefers-color-scheme: light)">
<meta name="theme-color" content="#0e151b" media="(prefers-color-scheme: dark)">
`;

function webManifest(manifest) {
  const icons = [{ src: manifest["icon.svg"], sizes: "any", type: "image/svg+xml", purpose: "any" }];
  for (const size of [192, 512]) {
    const png = { src: manifest[`icon-${size}.png`], sizes: `${size}x${size}`, type: "image/png" };
    // Drawn to the edge, with nothing of it outside the circle that a launcher may cut.
    for (const purpose of ["any", "maskable"]) icons.push({ ...png, purpose });
  }
  const small = [{ src: manifest["icon-192.png"], sizes: "192x192", type: "image/png" }];
  const web = {
    id: "/handset",
    name: "Ridgeline handset · 手持终端",
    short_name: "Ridgeline",
    description: "Orders, way, position and battery of an officer's handset. 指令、路线、定位与电量。",
    start_url: "/handset",
    scope: "/",
    display: "standalone",
    orientation: "any",
    categories: ["government", "navigation"],
    background_color: "#0e151b",
    theme_color: "#0e151b",
    icons,
    shortcuts: [{ name: "Way to the scene · 前往现场", url: "/handset?view=way", icons: small }],
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
  const bytesOf = async (urls) => {
    const files = await Promise.all(urls.map((url) => readFile(join(out, url))));
    return files.reduce((sum, file) => sum + gzipSync(file, { level: 9 }).length, 0);
  };
  for (const [name, { always, words }] of Object.entries(pages)) {
    const [code, en, zh] = await Promise.all([always, words.en, words.zh].map(bytesOf));
    const total = ((code + Math.max(en, zh)) / 1000).toFixed(1);
    console.log(`${name.padEnd(8)} ${total} kB gzipped first load, in the language that takes more`);
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
