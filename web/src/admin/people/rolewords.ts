// Roles in words, and what they let somebody do.
import { signal } from "@preact/signals";
import { toastError } from "../../shared/components/Toast";
import type { Role } from "../../shared/types";
import { type Person, type RoleTable, roleTable } from "./api";
import { t } from "./words";

export const ROLES: Role[] = ["dispatcher", "officer", "supervisor", "admin"];

/** Null before the first answer. */
export const table = signal<RoleTable | null>(null);

export async function readTable(): Promise<void> {
  if (table.peek()) return;
  try {
    table.value = await roleTable();
  } catch (error) {
    toastError(error);
  }
}

export const mayWords = (what: string): string => t.loose(`may.${what}`, {}, what);

/** What is special about an account; empty: nothing. */
export function stateWords(person: Person): string {
  if (person.disabled_at) return t("people.is.disabled");
  return person.must_change_password ? t("people.is.one_time") : "";
}
