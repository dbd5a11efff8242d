// The ids of requests that must not happen twice, over answers that are lost on the way.
import { ApiError, requestId } from "./api";

/** Codes of failures after which nobody knows whether the request was heard. */
const UNHEARD = /^(unreachable|timeout|bad_answer|internal|http_)/;

export const mayBeHeard = (error: unknown): boolean => error instanceof ApiError && UNHEARD.test(error.code);

/** The id for the next try: the same after a lost answer, a new one once the server has refused. */
export const nextTry = (id: string, error: unknown): string => (mayBeHeard(error) ? id : requestId());
