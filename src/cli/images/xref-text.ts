import type { Xref, XrefTag } from '../../images/index.ts'
import type { Call } from '../command.ts'
import { type Column, renderTable } from '../table.ts'
import { printable } from '../width.ts'
import { ageText, countText } from '../words.ts'

export interface XrefFacts {
  readonly repo: string
  readonly requests: number
  readonly withExtra: boolean
}

/** The difference for people: a line for each tag of the runs, then what is missing and what is extra, by its name in the registry. */
export function xrefText(call: Call<object>, xref: Xref, facts: XrefFacts): string {
  const { paint } = call
  const { tags, extra, unusable, looked, source } = xref
  const images = tags.flatMap((tag) => tag.images)
  const missing = images.filter(({ isPresent }) => !isPresent)
  const runs = `the newest ${countText(looked, 'successful run')} of ${facts.repo}`
  const lines = [
    ...(tags.length === 0 ? [] : [tagTable(call, tags), '']),
    ...section(
      'missing in the registry:',
      missing.map(({ repository, tag }) => paint.red(printable(`  + ${repository}:${tag}`))),
    ),
    ...section(
      `of none of these runs:`,
      extra.map(({ repository, tag }) => paint.yellow(printable(`  ${repository}:${tag}`))),
    ),
    ...section(
      'runs without images:',
      unusable.map(({ run, reason }) => printable(`  ${run.url}: ${reason}`)),
    ),
    missing.length === 0 ? paint.green(nothingMissing(images.length)) : `${missing.length} of ${countText(images.length, 'image')} missing`,
    ...(facts.withExtra ? [extra.length === 0 ? 'no tag is extra' : `${countText(extra.length, 'tag')} of none of these runs`] : []),
    printable(`${runs} against ${source}; ${countText(facts.requests, 'request')}`),
  ]
  return lines.join('\n')
}

function nothingMissing(images: number): string {
  return images === 0 ? 'no run has an image' : `nothing is missing: ${countText(images, 'image')} present`
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [title, ...lines, '']
}

function tagTable({ width, paint, host }: Call<object>, tags: readonly XrefTag[]): string {
  const now = host.clock.now()
  const present = ({ images }: XrefTag) => images.filter(({ isPresent }) => isPresent).length
  const columns: Column<XrefTag>[] = [
    { header: 'TAG', cell: ({ tag }) => tag, paint: paint.cyan },
    { header: 'RUN', cell: ({ run, others }) => `#${run.number}${others.length === 0 ? '' : ` +${others.length}`}`, priority: 2 },
    { header: 'BRANCH', cell: ({ run }) => run.branch, priority: 1 },
    { header: 'AGE', cell: ({ run }) => ageText(now - run.createdAt), align: 'right', priority: 3 },
    {
      header: 'THERE',
      cell: (tag) => `${present(tag)} of ${tag.images.length}`,
      paint: (text, tag) => (present(tag) === tag.images.length ? paint.green(text) : paint.red(text)),
    },
  ]
  return renderTable(columns, tags, { width, paintHeader: paint.bold })
}
