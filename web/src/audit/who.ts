// Who is signed in, once the server has said so.
import { signal } from "@preact/signals";
import type { User } from "../shared/types";

export const user = signal<User | null>(null);
