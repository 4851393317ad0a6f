import type { Json } from './plugin/checkpoint.ts'

/** An object of JSON, of which nothing else is known. */
export type JsonObject = { readonly [key: string]: Json }

/** Tells an object of JSON from lists and plain values. What is asked about comes from JSON, whatever its type says. */
export const isJsonObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value)
