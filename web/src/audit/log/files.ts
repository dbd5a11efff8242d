// Saving what is here, or what the server makes, as a file.
import { failure } from "../../shared/api";

export function save(name: string, content: Blob): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

export const saveText = (name: string, text: string): void =>
  save(name, new Blob([text], { type: "text/plain" }));

/** A file of the server's under its own name. Throws `ApiError` where it refuses. */
export async function saveFrom(path: string, otherwise: string): Promise<void> {
  const response = await fetch(path, { credentials: "same-origin" });
  if (!response.ok) throw await failure(response);
  const name = /filename="([^"]+)"/.exec(response.headers.get("content-disposition") ?? "")?.[1];
  save(name ?? otherwise, await response.blob());
}
