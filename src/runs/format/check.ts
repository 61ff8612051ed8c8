import { type Digest, Fault, isDigest } from '../../kit/index.ts'
import { isRunName } from './place.ts'

/** Characters of a text: a status, a tag, a reason. */
const maxTextLength = 4096

/** The value of a page's JSON; a page that is none is `corrupt`, as is whatever the checks below refuse. */
export function parsePage(plain: Uint8Array, at: string): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(plain))
  } catch (error) {
    throw new Fault('corrupt', 'a page is not valid JSON', { at, cause: error })
  }
}

export function wrongPage(what: string, value: unknown, at: string): Fault {
  const shown = JSON.stringify(value) ?? 'nothing'
  return new Fault('corrupt', `a page has ${what}: ${shown.length > 200 ? `${shown.slice(0, 200)}…` : shown}`, { at })
}

export function membersOf(value: unknown, at: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrongPage('a list in place of members', value, at)
  return value as Record<string, unknown>
}

export function listOf(value: unknown, at: string, limit = Number.MAX_SAFE_INTEGER): readonly unknown[] {
  if (!Array.isArray(value)) throw wrongPage('no list', value, at)
  if (value.length > limit) throw wrongPage(`a list longer than its limit of ${limit}`, value.length, at)
  return value
}

/** A list of at least `least` and at most `most` values. */
export function tupleOf(value: unknown, at: string, least: number, most = least): readonly unknown[] {
  if (!Array.isArray(value) || value.length < least || value.length > most) throw wrongPage(`no list of ${least} values`, value, at)
  return value
}

export function textOf(value: unknown, at: string): string {
  if (typeof value !== 'string' || value.length > maxTextLength || !value.isWellFormed()) {
    throw wrongPage(`no text of at most ${maxTextLength} characters`, value, at)
  }
  return value
}

/** A text that can be one segment of a path. */
export function nameOf(value: unknown, at: string): string {
  if (typeof value !== 'string' || !isRunName(value)) throw wrongPage('a name that is no segment of a path', value, at)
  return value
}

/** From 0 to 2^53 - 1. */
export function countOf(value: unknown, at: string): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw wrongPage('no whole number', value, at)
  return value as number
}

/** Whole milliseconds since 1970, negative before. */
export function timeOf(value: unknown, at: string): number {
  if (!Number.isSafeInteger(value)) throw wrongPage('no time in whole milliseconds', value, at)
  return value as number
}

export function digestIn(value: unknown, at: string): Digest {
  if (!isDigest(value)) throw wrongPage('no digest', value, at)
  return value
}
