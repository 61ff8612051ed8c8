import { type Command, Option } from 'commander'
import { diffSnapshots, type Restored, restoreSnapshot } from '../../environments/index.ts'
import { faultToJson, formatBytes } from '../../kit/index.ts'
import type { Call, Cli } from '../command.ts'
import type { Outcome } from '../output.ts'
import { printable } from '../width.ts'
import { chooseSnapshot, snapshotArguments, type SnapshotFlag, snapshotOptions } from './choose.ts'
import { diffText } from './diff.ts'
import { tookText, wholeText } from '../words.ts'

interface RestoreFlags extends SnapshotFlag {
  readonly verify?: boolean
  readonly checksum?: boolean
  readonly force?: boolean
}

export function addRestoreCommand(env: Command, cli: Cli): void {
  cli.add<RestoreFlags>(env, {
    name: 'restore',
    summary: 'Make the live directory what a snapshot is',
    more: 'Everything since the snapshot is thrown away. Processes that are inside are named and nothing is done.',
    args: snapshotArguments,
    options: [
      ...snapshotOptions(),
      new Option('--verify', 'read the whole snapshot first, and restore nothing where a byte is wrong'),
      new Option('--checksum', 'in-place modes compare every byte, whatever is known of a file'),
      new Option('--force', 'also while processes are inside: they keep old files open, or see theirs change'),
    ],
    writes: true,
    examples: [
      ['holdfast env restore', 'the only environment, to clean_state'],
      ['holdfast env restore stage --snapshot with-users', 'another state of it'],
    ],
    run: restore,
  })
}

async function restore(call: Call<RestoreFlags>): Promise<Outcome> {
  const { context, snapshot: named } = await chooseSnapshot(call)
  const { checksum, verify, force } = call.options
  const snapshot = named ?? context.settings.snapshotName
  if (call.options.dryRun === true) {
    const plan = await diffSnapshots(context, { from: 'live', to: snapshot, checksum })
    return {
      result: { dryRun: true, environment: context.name, ...plan },
      text: [diffText(plan), '', 'dry run: nothing was changed'].join('\n'),
    }
  }
  const restored = await restoreSnapshot(context, { snapshot, verify, checksum, force })
  const { fellBack, ...facts } = restored
  return {
    result: { environment: context.name, ...facts, ...(fellBack === undefined ? {} : { fellBack: faultToJson(fellBack) }) },
    text: restoredText(call, context.name, restored),
  }
}

function restoredText({ paint, host }: Call<object>, environment: string, restored: Restored): string {
  const { snapshot, mode, milliseconds, written, changed, finished, verified, fellBack } = restored
  if (fellBack !== undefined) {
    return paint.yellow(
      printable(`cleaned ${environment} in place of the restore to ${snapshot}, in ${tookText(milliseconds)}${wholeText(host)}`),
    )
  }
  if (mode === 'disabled') return paint.yellow(printable(`${environment} was left as it is: its mode is disabled`))
  const details = [
    `${mode}, ${tookText(milliseconds)}${wholeText(host)}`,
    ...(changed === undefined ? [] : [`${changed.added} added, ${changed.changed} changed, ${changed.removed} removed`]),
    ...(written === 0 ? [] : [`${formatBytes(written)} written`]),
    ...(verified ? ['the snapshot was read whole first'] : []),
    ...(finished ? ['a restore that had not ended is put right'] : []),
  ]
  return [paint.green(printable(`${environment} is ${snapshot} again`)), `  ${details.join('; ')}`].join('\n')
}
