import { type Command, Option } from 'commander'
import { runSuites, type SuiteRun } from '../../environments/index.ts'
import { Fault } from '../../kit/index.ts'
import type { Call, Cli } from '../command.ts'
import type { Outcome } from '../output.ts'
import { type Column, renderTable } from '../table.ts'
import { chooseEnvironment, type SnapshotFlag, snapshotOptions } from './choose.ts'
import { tookText } from '../words.ts'

interface RunFlags extends SnapshotFlag {
  readonly suites?: string
  readonly verify?: boolean
  readonly checksum?: boolean
  readonly force?: boolean
}

export function addRunCommand(env: Command, cli: Cli): void {
  cli.add<RunFlags>(env, {
    name: 'run',
    summary: 'Restore, run a command, report; with --suites, a restore before each',
    more: 'Where there is no snapshot yet and `auto_create_on_startup` says so, one is made first.',
    args: [['<command...>', 'after --; {suite} stands for the suite, and HOLDFAST_ENV_SUITE has it too']],
    options: [
      ...snapshotOptions(),
      new Option('--suites <names>', 'names with commas between them: the command runs once for each'),
      new Option('--verify', 'read the whole snapshot before each restore'),
      new Option('--checksum', 'in-place modes compare every byte'),
      new Option('--force', 'also while processes are inside'),
    ],
    examples: [
      ['holdfast env run -- npm test', 'from a clean state'],
      ['holdfast env run --suites wallet,chain -- npm test -- {suite}', 'each from a clean state'],
    ],
    run,
  })
}

async function run(call: Call<RunFlags>): Promise<Outcome> {
  const { options, host, screen } = call
  const context = await chooseEnvironment({ ...call, args: [] })
  const [program, ...args] = call.args.filter((arg) => arg !== undefined)
  if (program === undefined) throw new Fault('invalid', 'a command is missing', { hint: 'holdfast env run -- COMMAND' })
  const { snapshot, verify, checksum, force } = options
  const runs = await runSuites(context, {
    command: [program, ...args],
    suites: suitesFrom(options.suites),
    cwd: host.cwd,
    snapshot,
    verify,
    checksum,
    force,
    // The one document on stdout is ours.
    onOutput: (piece, from) => void (from === 'stdout' && options.json !== true ? host.stdout : host.stderr).writeBytes(piece),
    onSuite: ({ suite, status }) => {
      if (status !== 0) screen.say(`${call.paint.red('failed:')} ${suite ?? program} ended with status ${status}`)
    },
  })
  const failed = runs.filter(({ status }) => status !== 0).length
  return {
    result: { environment: context.name, failed, runs: runs.map(toJson) },
    text: runsText(call, runs, program),
    differs: failed > 0,
  }
}

function suitesFrom(text: string | undefined): string[] | undefined {
  const suites = text?.split(',').map((each) => each.trim())
  if (suites?.some((each) => each === ''))
    throw new Fault('invalid', `--suites has an empty name: ${text}`, { hint: 'write --suites a,b,c' })
  return suites
}

function toJson({ suite, restored, milliseconds, status }: SuiteRun): unknown {
  return { suite, status, milliseconds, restore: { mode: restored.mode, milliseconds: restored.milliseconds, written: restored.written } }
}

function runsText(call: Call<object>, runs: readonly SuiteRun[], program: string): string {
  const columns: Column<SuiteRun>[] = [
    { header: 'SUITE', cell: ({ suite }) => suite ?? program, min: 8 },
    { header: 'RESULT', cell: ({ status }) => (status === 0 ? 'passed' : `status ${status}`) },
    { header: 'RUN', cell: ({ milliseconds }) => tookText(milliseconds), align: 'right' },
    { header: 'RESTORE', cell: ({ restored }) => tookText(restored.milliseconds), align: 'right' },
    { header: 'MODE', cell: ({ restored }) => restored.mode, priority: 1 },
  ]
  return renderTable(columns, runs, { width: call.width, paintHeader: call.paint.bold })
}
