import { type Command, Option } from 'commander'
import { type Benched, benchModes, type BenchRow, type SnapshotMode, snapshotModes } from '../../environments/index.ts'
import { Fault, faultToJson, formatBytes } from '../../kit/index.ts'
import { type Call, type Cli, parsedOption } from '../command.ts'
import type { Outcome } from '../output.ts'
import { type Column, renderTable } from '../table.ts'
import { chooseEnvironment, environmentArgument, type EnvironmentFlag, environmentOption } from './choose.ts'
import { entriesText, tookText } from '../words.ts'

interface BenchFlags extends EnvironmentFlag {
  readonly rounds: number
  readonly suite?: string
  readonly modes?: readonly SnapshotMode[]
}

export function addBenchCommand(env: Command, cli: Cli): void {
  cli.add<BenchFlags>(env, {
    name: 'bench',
    summary: 'Try all modes that work here on copies of the live directory: create, suite, restore',
    more: 'What a mode costs the suite counts as much as the restore: an overlay copies a whole file up on its first write. The suite that is played changes 2 % of large files, adds 200 files and removes 50.',
    args: [environmentArgument],
    options: [
      environmentOption(),
      parsedOption('--rounds <n>', 'suites and restores for each mode', parseRounds).default(3),
      new Option('--suite <line>', 'a shell line in place of the played suite; HOLDFAST_ENV_PATH is where it works'),
      parsedOption('--modes <names>', 'only these, with commas between them', parseModes),
    ],
    examples: [
      ['holdfast env bench', 'with a suite that is played'],
      ['holdfast env bench stage --suite ./one-suite.sh --modes overlay,reflink', 'with your own'],
    ],
    run: bench,
  })
}

async function bench(call: Call<BenchFlags>): Promise<Outcome> {
  const { rounds, suite, modes } = call.options
  const context = await chooseEnvironment(call)
  const onRow = (row: BenchRow) => call.report({ kind: 'note', level: 'info', text: `tried ${nameOf(row)}` })
  const benched = await benchModes(context, { rounds, suite, modes, cwd: call.host.cwd, openStore: (url) => call.snapshots(url), onRow })
  return {
    result: { environment: context.name, rounds, ...benched, rows: benched.rows.map(rowToJson) },
    text: benchText(call, benched),
  }
}

function rowToJson(row: BenchRow): unknown {
  return row.works ? row : { ...row, why: faultToJson(row.why) }
}

function benchText({ paint, width }: Call<object>, { entries, bytes, rows }: Benched): string {
  const columns: Column<Extract<BenchRow, { works: true }>>[] = [
    { header: 'MODE', cell: nameOf, paint: paint.cyan },
    { header: 'CREATE', cell: ({ create }) => timeOr(create), align: 'right', priority: 3 },
    { header: 'STORED', cell: ({ stored }) => (stored === undefined ? '' : formatBytes(stored)), align: 'right', priority: 1 },
    { header: 'SUITE', cell: ({ suite }) => tookText(suite), align: 'right' },
    { header: 'SLOWER', cell: ({ slowdown }) => `${slowdown.toFixed(2)}x`, align: 'right' },
    { header: 'RESTORE', cell: ({ restore }) => timeOr(restore), align: 'right' },
    { header: 'WRITTEN', cell: ({ written }) => (written === undefined ? '' : formatBytes(written)), align: 'right', priority: 2 },
    { header: 'BOTH', cell: ({ suite, restore }) => tookText(suite + (restore ?? 0)), align: 'right' },
  ]
  const working = rows.filter((row) => row.works)
  const refused = rows.filter((row) => !row.works).map((row) => `${nameOf(row)} does not work here: ${row.why.message}`)
  const best = working.filter(({ restore }) => restore !== undefined).toSorted((a, b) => costOf(a) - costOf(b))[0]
  return [
    `${entriesText(entries)}, ${formatBytes(bytes)}; medians`,
    renderTable(columns, working, { width, paintHeader: paint.bold }),
    ...refused,
    ...(best === undefined ? [] : ['', `fastest, suite and restore together: ${nameOf(best)}`]),
  ].join('\n')
}

function nameOf({ mode, copier }: BenchRow): string {
  return copier === undefined ? mode : `${mode} (${copier})`
}

function costOf({ suite, restore = 0 }: { readonly suite: number; readonly restore?: number | undefined }): number {
  return suite + restore
}

function timeOr(milliseconds: number | undefined): string {
  return milliseconds === undefined ? '' : tookText(milliseconds)
}

function parseRounds(text: string): number {
  if (/^[1-9]\d?$/.test(text)) return Number(text)
  throw new Fault('invalid', `not a number of rounds: ${text}`, { hint: '1 to 99' })
}

function parseModes(text: string): SnapshotMode[] {
  return text.split(',').map((name) => {
    const mode = snapshotModes.find((each) => each === name.trim())
    if (mode !== undefined && mode !== 'disabled' && mode !== 'recreate') return mode
    throw new Fault('invalid', `not a mode that can be tried: ${name}`, { hint: 'filesystem, squashfs, overlay, reflink, volume, store' })
  })
}
