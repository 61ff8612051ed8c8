import path from 'node:path'
import { type Command, Option } from 'commander'
import { formatBytes, Fault, parseDuration } from '../../kit/index.ts'
import type { Generated } from '../../runs/generate/index.ts'
import { type Call, type Cli, parsedOption } from '../command.ts'
import type { Outcome } from '../output.ts'
import { printable, printableLine } from '../width.ts'
import { countText } from '../words.ts'

interface GenerateFlags {
  readonly root?: string
  readonly output?: string
  readonly active?: boolean
  readonly full?: boolean
  /** Seconds. */
  readonly activeWindow?: number
  readonly incremental: boolean
  readonly metadataOnly?: boolean
  readonly packs: boolean
  readonly watch?: boolean
  /** Milliseconds. */
  readonly interval?: number
}

/** `generate-manifest`, in the group and, as the original has it, beside the groups. */
export function addGenerateCommand(parent: Command, cli: Cli): void {
  const name = parent.parent === null ? 'generate-manifest' : `${parent.name()} generate-manifest`
  cli.add<GenerateFlags>(parent, {
    name: 'generate-manifest',
    summary: 'List the runs of a server for those who watch them',
    more: 'Only what changed is read. A manifest of the format 1.0 is written, and pages and packs beside it, from which a sync costs what changed.',
    options: [
      new Option('--root <folder>', 'the folder of experiments (default: `root` of [runs], or this folder)'),
      new Option('--output <file>', 'where the manifest goes (default: <root>/.runicorn/<type>_manifest.json)'),
      new Option('--active', 'a manifest of the runs that changed lately').conflicts('full'),
      new Option('--full', 'a manifest of all runs (default)'),
      parsedOption('--active-window <seconds>', 'how lately (default: 3600, or as the last time)', parseSeconds),
      new Option('--no-incremental', 'read every file again, whatever the last time saw'),
      new Option('--metadata-only', 'only the files that the format 1.0 lists: no media, no others'),
      new Option('--no-packs', 'do not bundle small files'),
      new Option('--watch', 'go on: generate again when something changes'),
      parsedOption('--interval <time>', 'go on: generate again after this, such as 60 or 5m', parseInterval),
    ],
    examples: [
      [`holdfast ${name} --root /data/experiments`, 'all runs, from a timer'],
      [`holdfast ${name} --active`, 'those of the last hour'],
      [`holdfast ${name} --root /data/experiments --watch`, 'as they change'],
    ],
    run: generate,
  })
}

function parseSeconds(text: string): number {
  const seconds = Number(text)
  if (Number.isSafeInteger(seconds) && seconds > 0) return seconds
  throw new Fault('invalid', `not a number of seconds: ${JSON.stringify(text)}`, { hint: 'write whole seconds, such as 3600' })
}

/** A bare number is seconds. */
function parseInterval(text: string): number {
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : parseDuration(text)
  if (ms > 0) return ms
  throw new Fault('invalid', 'an interval is more than nothing', { hint: 'write a time such as 60 or 5m' })
}

/** Where something is watched, it is looked at so often all the same: a run that rests stops being active. */
const longestRest = 300_000

async function generate(call: Call<GenerateFlags>): Promise<Outcome> {
  const { options, host, signal, screen } = call
  const { keepLooking, ManifestGenerator } = await import('../../runs/generate/index.ts')
  const config = (await call.config()).runs
  const generator = new ManifestGenerator({
    remoteRoot: options.root === undefined ? (config?.root ?? host.cwd) : path.resolve(host.cwd, options.root),
    activeWindowSeconds: options.activeWindow ?? config?.activeWindow,
    incremental: options.incremental && (config?.incremental ?? true),
    metadataOnly: options.metadataOnly === true,
    packs: options.packs,
    clock: host.clock,
    report: call.report,
  })
  const outputPath = options.output === undefined ? undefined : path.resolve(host.cwd, options.output)
  const once = async () => {
    const generated = await generator.generate({ manifestType: options.active === true ? 'active' : 'full', outputPath, signal })
    tell(call, generated)
    return generated
  }
  if (options.watch !== true && options.interval === undefined) return outcomeOf(await once())
  return await keepLooking({
    once: async () => {
      const generated = await once()
      if (generated.changed && options.json !== true) screen.result(boxOf(generated))
      return generated
    },
    watch: options.watch === true,
    interval: options.interval ?? longestRest,
    clock: host.clock,
    signal,
  })
}

const toldProblems = 10

function tell({ report }: Call<object>, { root, changed, bytes, activeRuns, problems }: Generated): void {
  for (const [at, why] of problems.slice(0, toldProblems)) report({ kind: 'note', level: 'warning', text: `${printableLine(at)}: ${why}` })
  if (problems.length > toldProblems) {
    report({ kind: 'note', level: 'warning', text: `${problems.length - toldProblems} more could not be looked at` })
  }
  const { runs, files, bytes: size } = root.totals
  const what = `${countText(runs, 'run')} (${activeRuns} active), ${countText(files, 'file')}, ${formatBytes(size)}`
  const did = changed
    ? `read ${formatBytes(bytes.read)}; wrote ${formatBytes(bytes.pages)} of pages and ${formatBytes(bytes.packed)} of packs`
    : `nothing changed since revision ${root.revision}`
  report({ kind: 'note', level: 'info', text: `${what}: ${did}` })
}

function outcomeOf(generated: Generated): Outcome {
  const { manifest, root, changed, activeRuns, bytes, problems, outputPath, compressedPath } = generated
  const { manifestType: type, revision, snapshotId, totalExperiments: experiments, totalFiles: files, totalBytes } = manifest
  return {
    result: {
      changed,
      revision: root.revision,
      manifest: { type, output: outputPath, compressed: compressedPath, revision, snapshotId, experiments, files, bytes: totalBytes },
      ...root.totals,
      activeRuns,
      activeWindow: root.active.window,
      bytesRead: bytes.read,
      bytesOfPages: bytes.pages,
      bytesPacked: bytes.packed,
      problems: problems.map(([at, why]) => ({ path: at, why })),
    },
    text: boxOf(generated),
  }
}

const rule = '='.repeat(60)

function boxOf({ manifest, outputPath, compressedPath }: Generated): string {
  const lines: [string, string | number][] = [
    ['Type:', manifest.manifestType],
    ['Output:', printable(outputPath)],
    ['Compressed:', printable(compressedPath)],
    ['Revision:', manifest.revision],
    ['Snapshot ID:', manifest.snapshotId],
    ['Experiments:', manifest.totalExperiments],
    ['Files:', manifest.totalFiles],
    ['Total Size:', decimalSize(manifest.totalBytes)],
  ]
  const body = lines.map(([name, value]) => `${name.padEnd(14)} ${value}`)
  return [rule, 'Manifest Generation Complete', rule, ...body, rule].join('\n')
}

/** 1234567890 -> "1.23 GB": powers of 1,000, as the original's box has them. */
function decimalSize(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB']
  const power = Math.min(units.length - 1, bytes === 0 ? 0 : Math.floor(Math.log10(bytes) / 3))
  return power === 0 ? `${bytes} B` : `${(bytes / 1000 ** power).toFixed(2)} ${units[power]}`
}
