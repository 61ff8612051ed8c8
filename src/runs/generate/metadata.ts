import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { maxTags } from '../format/limits.ts'

/** What a run says of itself. */
export interface Metadata {
  readonly status: string
  /** Seconds since 1970; undefined where it does not say. */
  readonly created?: number | undefined
  readonly tags: readonly string[] | null
}

const names = ['meta.json', 'status.json', 'summary.json'] as const

/** Whether a file of this path says something of its run. */
export function isMetadata(path: string): boolean {
  return (names as readonly string[]).includes(path)
}

const maxBytes = 1 << 20
const maxTextLength = 4096

/**
 * Reads what a run's files say: `meta.json` when it was made, and its tags; `status.json` how it stands. What is not there, too large or
 * no JSON, such as a file that is just being written, says nothing: then what was known before stands.
 */
export function readMetadata(folder: string, before: Metadata | undefined): Metadata {
  const [meta, status, summary] = names.map((name) => readMembers(`${folder}/${name}`))
  const tags = tagsOf(meta?.['tags']) ?? tagsOf(summary?.['tags'])
  return {
    status: textOf(status?.['status']) ?? textOf(meta?.['status']) ?? (status === undefined ? before?.status : undefined) ?? 'unknown',
    created: timeOf(meta?.['created_at']) ?? timeOf(status?.['started_at']) ?? (meta === undefined ? before?.created : undefined),
    tags: tags ?? (meta === undefined ? (before?.tags ?? null) : null),
  }
}

function readMembers(file: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(readSome(file))
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

function readSome(file: string): string {
  const fd = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    const room = Buffer.allocUnsafe(Math.min(maxBytes, fstatSync(fd).size))
    return room.toString('utf8', 0, readSync(fd, room, 0, room.byteLength, 0))
  } finally {
    closeSync(fd)
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' && value.length <= maxTextLength && value.isWellFormed() ? value : undefined
}

/** Seconds, or a date as ISO 8601 writes it. */
function timeOf(value: unknown): number | undefined {
  const seconds = typeof value === 'string' ? Date.parse(value) / 1000 : value
  return typeof seconds === 'number' && Math.abs(seconds) < 1e12 ? seconds : undefined
}

function tagsOf(value: unknown): readonly string[] | undefined {
  if (!Array.isArray(value)) return undefined
  const tags = value.map(textOf).filter((tag) => tag !== undefined)
  return tags.length === 0 ? undefined : tags.slice(0, maxTags)
}
