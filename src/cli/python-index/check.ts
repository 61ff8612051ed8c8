import { type Command, Option } from 'commander'
import { Fault } from '../../kit/index.ts'
import { checkIndex, type CheckReport, type CheckTarget } from '../../python-index/index.ts'
import type { Call, Cli } from '../command.ts'
import { printable } from '../width.ts'
import { countText } from '../words.ts'
import { environmentOption, indexContext, type IndexFlags } from './choose.ts'
import { type ClosureFlags, closureOptions } from './closure.ts'

interface CheckFlags extends IndexFlags, ClosureFlags {
  readonly package?: string
  readonly deep?: boolean
}

export function addCheckCommand(index: Command, cli: Cli): void {
  cli.add<CheckFlags>(index, {
    name: 'check',
    summary: 'Play an installer against an index as it is really served; exit 1 where something is wrong',
    more: 'Both forms of every page, every link, size, digest and metadata file, content types, cache headers, ranges and conditional requests.',
    args: [['<index>', 'a URL, or a prefix of the environment: then at each of its urls, else what lies in the bucket']],
    options: [
      environmentOption(),
      new Option('--package <name>', 'only this package'),
      new Option('--deep', 'read every file whole and compare its digest'),
      ...closureOptions('is everything installable from this index alone?'),
    ],
    examples: [
      ['holdfast index check https://rocm.nightlies.example.com/v2/gfx94X-dcgpu/', 'as users see it, the CDN included'],
      ['holdfast index check v2/gfx94X-dcgpu --closure --python 3.10..3.13', 'whether it is complete'],
    ],
    run: async (call) => {
      const { package: project, deep, closure, python: pythons, platform: platforms } = call.options
      const reports: CheckReport[] = []
      for (const target of await targetsOf(call, call.args[0] ?? '')) {
        const question = closure === true ? { pythons, platforms } : undefined
        reports.push(await checkIndex(target, { project, deep, closure: question, report: call.report, signal: call.signal }))
      }
      return {
        result: { checks: reports },
        text: reports.flatMap((report) => reportLines(report, call)).join('\n'),
        differs: reports.some(({ findings }) => findings.length > 0),
      }
    },
  })
}

async function targetsOf(call: Call<CheckFlags>, named: string): Promise<CheckTarget[]> {
  const wire = await call.wire()
  if (/^https?:/.test(named)) return [{ url: named, http: await wire.http() }]
  const context = await indexContext(call)
  const { environment, bucket } = context
  const prefix = named.replace(/^\/+|\/+$/g, '')
  if (prefix === 'all')
    throw new Fault('invalid', 'one index is checked at a time', { hint: `name one: ${environment.prefixes.join(', ')}` })
  if (environment.urls.length === 0) return [{ bucket, prefix }]
  const http = await wire.http()
  return environment.urls.map((url) => ({ url: `${url}/${prefix}/`, http }))
}

function reportLines({ at, projects, files, requests, findings, more }: CheckReport, { paint }: Call<object>): string[] {
  const seen = `${countText(projects, 'package')}, ${countText(files, 'file')}, ${countText(requests, 'request')}`
  const told = findings.map(
    ({ at: where, what, severity }) =>
      `  ${severity === 'error' ? paint.red('error') : paint.yellow('warning')} ${printable(where)}: ${printable(what)}`,
  )
  const count = findings.length + more
  return [
    `${printable(at)}: ${count === 0 ? paint.green('all is well') : paint.red(countText(count, 'finding'))}; ${seen}`,
    ...told,
    ...(more === 0 ? [] : [`  … and ${more} more`]),
  ]
}
