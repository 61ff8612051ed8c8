import path from 'node:path'
import { formatDuration } from '../kit/index.ts'
import type { Host } from './host.ts'

/** `12,345` */
export function numberText(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',')
}

/** `1 file`, `12,345 files`; `1 copy`, `2 copies` */
export function countText(count: number, thing: string, things = `${thing}s`): string {
  return `${numberText(count)} ${count === 1 ? thing : things}`
}

/** `2025-01-15 14:30:00 UTC` of a time in ISO 8601. */
export function timeText(iso: string): string {
  return `${iso.slice(0, 19).replace('T', ' ')} UTC`
}

/** ISO 8601 in UTC; undefined for what is no time. */
export function isoTime(time: number | undefined): string | undefined {
  return time === undefined || !(Math.abs(time) <= 8e15) ? undefined : new Date(time).toISOString()
}

/** How long ago: `12s`, then as durations are written. */
export function ageText(milliseconds: number): string {
  return milliseconds < 60_000 ? `${Math.max(0, Math.floor(milliseconds / 1000))}s` : formatDuration(milliseconds)
}

/** How long it took: `12 ms`, `3.2 s`, `2m 5s` */
export function tookText(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`
  if (milliseconds < 60_000) return `${(milliseconds / 1000).toFixed(1)} s`
  return `${Math.floor(milliseconds / 60_000)}m ${Math.round((milliseconds % 60_000) / 1000)}s`
}

/** `1 entry`, `12,345 entries` */
export function entriesText(count: number): string {
  return count === 1 ? '1 entry' : `${numberText(count)} entries`
}

/** ` (the whole command: 310 ms)`: with the start of the program, its checks and hooks. */
export function wholeText({ sinceStart }: Pick<Host, 'sinceStart'>): string {
  return ` (the whole command: ${tookText(sinceStart())})`
}

/** A path as people would write it here. */
export function relativeTo(cwd: string, file: string): string {
  const relative = path.relative(cwd, file)
  return relative === '' || relative === '..' || relative.startsWith(`..${path.sep}`) ? file : relative
}
