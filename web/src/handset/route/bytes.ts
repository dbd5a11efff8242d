// Answers that are no JSON: tiles, one or many.
import { ApiError, failure } from "../../shared/api";

/** The whole of it, or not at all. Raises `ApiError`. */
export async function fetchBytes(path: string, timeoutMs: number): Promise<ArrayBuffer> {
  const response = await reach(() => fetch(path, { signal: AbortSignal.timeout(timeoutMs) }));
  if (!response.ok) throw await failure(response);
  return reach(() => response.arrayBuffer());
}

async function reach<T>(step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    const timedOut = error instanceof DOMException && error.name === "TimeoutError";
    throw new ApiError(0, timedOut ? "timeout" : "unreachable", String(error));
  }
}
