import { Fault, formatBytes } from '../../kit/index.ts'
import { type Published, type PublishedPrefix, purgePaths } from '../../python-index/index.ts'
import type { Paint } from '../colour.ts'
import { countText } from '../words.ts'
import { printable } from '../width.ts'

/** As much of a list as people read; `--json` has all of it. */
const shown = 20

export function listed(names: readonly string[], mark: string): string[] {
  const more = names.length > shown ? [`  ${mark} … and ${countText(names.length - shown, 'other')} (all of them with --json)`] : []
  return [...names.slice(0, shown).map((name) => `  ${mark} ${printable(name)}`), ...more]
}

/** What a command did to indexes, or with `dryRun` would do. Prefixes of which nothing is to be told are counted together. */
export function publishedLines(published: Published, paint: Paint, dryRun: boolean): string[] {
  const told = published.prefixes.filter(isTold)
  const quiet = published.prefixes.length - told.length
  const rest =
    quiet === 0 ? [] : [`${told.length === 0 ? 'nothing to do: ' : ''}${countText(quiet, 'index stands', 'indexes stand')} as published`]
  return [...told.flatMap((prefix) => prefixLines(prefix, paint, dryRun)), ...rest]
}

function isTold(prefix: PublishedPrefix): boolean {
  const { hasChanged, written, removed, refused, unread, notAllowed, isEmpty } = prefix
  return hasChanged || isEmpty || written.length + removed.length + refused.length + unread.length + notAllowed.length > 0
}

function prefixLines(prefix: PublishedPrefix, paint: Paint, dryRun: boolean): string[] {
  const { filesAdded, filesRemoved, filesChanged, filesYanked, filesUnyanked, refused, withdrawn, unread, notAllowed } = prefix
  if (prefix.isEmpty) return [printable(`${prefix.prefix}: no wheels there, nothing published`)]
  const parts = [
    prefix.hasChanged && !dryRun ? `generation ${prefix.generation ?? 1}` : undefined,
    counted(filesAdded, 'added'),
    counted(filesChanged, 'changed'),
    counted(filesRemoved, 'removed'),
    counted(filesYanked, 'yanked'),
    counted(filesUnyanked, 'not yanked any more'),
    prefix.written.length === 0 ? undefined : `${countText(prefix.written.length, 'object')} ${dryRun ? 'to write' : 'written'}`,
    prefix.removed.length === 0 ? undefined : `${countText(prefix.removed.length, 'object')} ${dryRun ? 'to remove' : 'removed'}`,
  ].filter((part) => part !== undefined)
  const size = `${countText(prefix.projects, 'package')}, ${countText(prefix.files, 'file')}, ${formatBytes(prefix.bytes)}`
  return [
    `${paint.bold(prefix.prefix === '' ? '(the bucket itself)' : printable(prefix.prefix))}: ${[...parts, size].join('; ')}`,
    ...listed(filesAdded, paint.green('+')),
    ...listed(
      filesChanged.map(({ name, before, after }) => `${name} was ${before ?? 'unknown'}, is ${after ?? 'unknown'}`),
      paint.yellow('~'),
    ),
    ...(filesChanged.every(({ before }) => before === undefined)
      ? []
      : ['  these names had other bytes before: caches may keep those for long; purge what --json names, or build under another version']),
    ...listed(filesRemoved, paint.red('-')),
    ...listed(filesYanked, paint.yellow('yanked')),
    ...listed(filesUnyanked, paint.green('not yanked any more')),
    ...listed(
      refused.map(({ name, reason }) => `${name}: ${reason}`),
      paint.red('refused'),
    ),
    ...listed(unread, paint.yellow('without a digest')),
    ...(withdrawn.length === 0
      ? []
      : [
          `  ${countText(withdrawn.length, 'file stays', 'files stay')} in the bucket and off the pages (to list again: publish --include-withdrawn)`,
        ]),
    ...(notAllowed.length === 0 ? [] : [printable(`  not in the allow-list: ${notAllowed.slice(0, shown).join(', ')}`)]),
  ]
}

/** With --verbose: what lies in the indexes and belongs to nobody. */
export function foreignLines({ prefixes }: Published): string[] {
  return prefixes.flatMap(({ prefix, foreign: { names, count } }) =>
    count === 0
      ? []
      : [
          `${printable(prefix)}: ${countText(count, 'object')} of somebody else, left alone: ${names.slice(0, shown).map(printable).join(', ')}${count > shown ? ', …' : ''}`,
        ],
  )
}

function counted(items: readonly unknown[], what: string): string | undefined {
  return items.length === 0 ? undefined : `${countText(items.length, 'file')} ${what}`
}

/** The paths that a CDN may still have in an old version. */
export function purgeOf({ prefixes }: Published): string[] {
  return purgePaths(prefixes.flatMap(({ purge }) => purge))
}

/** Files that could not be published, or not as they should: the rest is done, and the exit status is 11. */
export function incompleteOf({ prefixes }: Published): Fault | undefined {
  const refused = prefixes.flatMap((each) => each.refused)
  const unread = prefixes.flatMap((each) => each.unread)
  if (refused.length + unread.length === 0) return undefined
  const parts = [
    refused.length === 0 ? undefined : `${countText(refused.length, 'file')} cannot be published`,
    unread.length === 0 ? undefined : `${countText(unread.length, 'file')} without a digest`,
  ].filter((part) => part !== undefined)
  return new Fault('partial', `${parts.join(', ')}; the rest is published`, {
    hint:
      refused.length === 0 ? 'run without --no-read: it reads them once' : 'mend or delete the files that are listed, and publish again',
  })
}
