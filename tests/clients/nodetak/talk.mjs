// @tak-ps/node-tak as a client that a test drives: it tells on stdout what it hears, a JSON object a
// line, and sends the events that stdin brings, one a line.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import TAK from "@tak-ps/node-tak";

const [url, pem] = process.argv.slice(2);
const text = readFileSync(pem, "utf8");
const tak = await TAK.connect("test", new URL(url), { cert: text, key: text });
const tell = (what) => console.log(JSON.stringify(what));

tak.on("cot", ({ raw }) => {
  const { _attributes: event, point, detail } = raw.event;
  tell({
    uid: event.uid,
    type: event.type,
    lon: Number(point?._attributes?.lon),
    callsign: detail?.contact?._attributes?.callsign,
    battery: detail?.status?._attributes?.battery,
    message: detail?.__chat?._attributes?.messageId,
    text: detail?.remarks?._text,
    version: tak.version,
  });
});
tak.on("ping", () => tell({ pong: true, version: tak.version }));
tak.on("error", (error) => tell({ error: String(error) }));
tak.on("end", () => process.exit(0));
createInterface({ input: process.stdin })
  .on("line", (line) => tak.write_xml(line))
  .on("close", () => process.exit(0));
