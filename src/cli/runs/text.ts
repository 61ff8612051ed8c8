import { Fault, formatBytes } from '../../kit/index.ts'
import type { SyncStats } from '../../runs/sync/index.ts'
import { printable } from '../width.ts'
import { ageText, countText, isoTime } from '../words.ts'

const waysOf = { pages: 'pages', manifest: 'the manifest of format 1.0 (metadata and logs alone)', walk: 'a walk over all files' } as const

/** How it was found out what there is, and how old that is. */
export function wayText({ way, revision, generated }: Pick<SyncStats, 'way' | 'revision' | 'generated'>, now: number): string {
  const of = revision === undefined ? '' : `, revision ${revision}`
  const age = generated === undefined ? '' : `, listed ${ageText(now - generated)} ago`
  return `by ${waysOf[way]}${of}${age}`
}

/** What was asked of the source. */
export function costText({ filesOpened, operations, bytesDownloaded }: SyncStats): string {
  const lists = operations - filesOpened
  const listed = lists === 0 ? '' : `, ${countText(lists, 'listing')}`
  return `${countText(filesOpened, 'file')} opened${listed}, ${formatBytes(bytesDownloaded)} read at the source`
}

/** What could not be synced; undefined where all was. */
export function failuresOf({ failures: { count, first } }: SyncStats): Fault | undefined {
  if (count === 0) return undefined
  const lines = first.map(({ key, reason }) => `\n  ${printable(key)}: ${printable(reason)}`)
  const more = count > first.length ? `\n  and ${countText(count - first.length, 'other')}` : ''
  return new Fault('partial', `${countText(count, 'file')} could not be synced:${lines.join('')}${more}`, {
    hint: 'run it again: what failed is tried again, what was edited here is overwritten with --force only',
  })
}

/** The plain form for `--json`. */
export function statsToJson(stats: SyncStats): Record<string, unknown> {
  const { fellBack, generated, ...rest } = stats
  return {
    ...rest,
    generated: isoTime(generated),
    fellBack: fellBack.map(({ from, to, because }) => ({ from, to, because: because.message })),
  }
}
