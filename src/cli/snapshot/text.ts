import { Fault, formatBytes } from '../../kit/index.ts'
import {
  describeOmission,
  type Entry,
  type Listed,
  type Omission,
  type Placed,
  type Problem,
  shortId,
  shownName,
} from '../../snapshots/index.ts'
import type { Call } from '../command.ts'
import { printable } from '../width.ts'
import { countText, timeText } from '../words.ts'

/** `1f2e3d4c, /srv/env (2025-01-15 14:30:00 UTC)` */
export function snapshotText({ id, base, created }: Listed): string {
  return `${shortId(id)}, ${base} (${timeText(created)})`
}

/** What could not be dealt with, once everything else was done; undefined where there is nothing to tell. */
export function incompleteOf(
  { count, first }: { count: number; first: readonly Problem[] },
  done: string,
  hint: string,
): Fault | undefined {
  if (count === 0) return undefined
  const lines = first.slice(0, 20).map(({ path, message }) => `\n  ${path}: ${message}`)
  const more = count > lines.length ? `\n  and ${countText(count - lines.length, 'other')}` : ''
  return new Fault('partial', `${done} without ${countText(count, 'path')}:${lines.join('')}${more}`, { hint })
}

/** Says once what attributes were left out. */
export function sayOmissions(call: Call<object>, omissions: readonly Omission[], verb: 'read' | 'set'): void {
  for (const each of omissions) call.report({ kind: 'note', level: 'warning', text: describeOmission(each, verb) })
}

export function omissionsToJson(omissions: readonly Omission[]): unknown[] {
  return omissions.map(({ what, count, fault, first }) => ({ what, count, first, message: fault.message }))
}

const letters = { file: '-', hardlink: '-', directory: 'd', symlink: 'l', fifo: 'p', 'character-device': 'c', 'block-device': 'b' } as const

/** `-rwxr-xr-x`, as ls writes it. */
export function modeText({ kind, mode }: Pick<Entry, 'kind' | 'mode'>): string {
  const bits = [6, 3, 0].map((shift) => {
    const part = (mode >> shift) & 7
    const special = (mode >> (9 + shift / 3)) & 1
    const letter = shift === 0 ? 't' : 's'
    const last = special === 0 ? ((part & 1) === 0 ? '-' : 'x') : (part & 1) === 0 ? letter.toUpperCase() : letter
    return `${(part & 4) === 0 ? '-' : 'r'}${(part & 2) === 0 ? '-' : 'w'}${last}`
  })
  return letters[kind] + bits.join('')
}

export function sizeOf(entry: Entry): number {
  return 'content' in entry ? entry.content.size : 0
}

/** `a/b`, `a/` for a directory, `a -> b` for a link. */
export function pathText({ path, entry }: Placed): string {
  const shown = shownName(path === '' ? '.' : path)
  if (entry.kind === 'directory') return `${shown}/`
  return entry.kind === 'symlink' ? `${shown} -> ${shownName(entry.target)}` : shown
}

/** A line of `ls --long`. */
export function longText(placed: Placed): string {
  const { entry } = placed
  const size = 'major' in entry ? `${entry.major},${entry.minor}` : formatBytes(sizeOf(entry))
  const time = timeText(isoOf(entry.mtimeNs)).slice(0, 19)
  return printable(`${modeText(entry)}  ${ownerText(entry).padEnd(17)}  ${size.padStart(9)}  ${time}  ${pathText(placed)}`)
}

function ownerText({ user, group, uid, gid }: Entry): string {
  return `${user === '' ? uid : user}:${group === '' ? gid : group}`
}

/** Nanoseconds since 1970 in ISO 8601, to the nanosecond. Beyond the years 0 to 9999 it is the number of seconds. */
export function isoOf(ns: bigint): string {
  const second = 1_000_000_000n
  const rest = ((ns % second) + second) % second
  const seconds = (ns - rest) / second
  const fraction = String(rest).padStart(9, '0')
  if (seconds < -62_167_219_200n || seconds > 253_402_300_799n) return `${seconds}.${fraction}`
  return new Date(Number(seconds) * 1000).toISOString().replace('.000Z', `.${fraction}Z`)
}

export function entryToJson({ path, entry }: Placed): Record<string, unknown> {
  const { kind, mode, uid, gid, user, group, mtimeNs, xattrs } = entry
  return {
    path: shownName(path),
    kind,
    mode: `0${mode.toString(8).padStart(3, '0')}`,
    uid,
    gid,
    user,
    group,
    mtime: isoOf(mtimeNs),
    ...('content' in entry ? { size: entry.content.size } : {}),
    ...('target' in entry ? { target: shownName(entry.target) } : {}),
    ...('major' in entry ? { major: entry.major, minor: entry.minor } : {}),
    ...(xattrs === undefined || xattrs.length === 0
      ? {}
      : { xattrs: Object.fromEntries(xattrs.map(({ name, value }) => [shownName(name), Buffer.from(value).toString('base64')])) }),
  }
}

/** Lines to stdout as they come, so that a tree of a million files needs no memory for its list. */
export async function printLines(call: Call<object>, lines: AsyncIterable<string>): Promise<void> {
  let pending = ''
  for await (const line of lines) {
    pending += `${line}\n`
    if (pending.length < 1 << 16) continue
    if (!(await call.host.stdout.writeBytes(Buffer.from(pending)))) return
    pending = ''
  }
  if (pending !== '') await call.host.stdout.writeBytes(Buffer.from(pending))
}
