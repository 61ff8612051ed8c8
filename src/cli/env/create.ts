import { type Command, Option } from 'commander'
import { createSnapshot } from '../../environments/index.ts'
import { formatBytes } from '../../kit/index.ts'
import type { Call, Cli } from '../command.ts'
import type { Outcome } from '../output.ts'
import { printable } from '../width.ts'
import { chooseSnapshot, snapshotArguments, type SnapshotFlag, snapshotOptions } from './choose.ts'
import { entriesText, tookText, wholeText } from '../words.ts'

interface CreateFlags extends SnapshotFlag {
  readonly replace?: boolean
  readonly checksum?: boolean
  readonly force?: boolean
}

export function addCreateCommand(env: Command, cli: Cli): void {
  cli.add<CreateFlags>(env, {
    name: 'create',
    summary: 'Keep the live directory as a snapshot',
    more: 'How it is kept is the `mode` of the environment; with `auto`, what suits this machine and these files, and it is said.',
    args: snapshotArguments,
    options: [
      ...snapshotOptions(),
      new Option('--replace', 'in place of the snapshot that has the name already'),
      new Option('--checksum', 'read every byte, so that it can be verified from its beginning'),
      new Option('--force', 'also while files are open for writing: what is written meanwhile may be half in it'),
    ],
    examples: [
      ['holdfast env create', 'the only environment, as clean_state'],
      ['holdfast env create stage --snapshot with-users', 'another state of it'],
    ],
    run: create,
  })
}

async function create(call: Call<CreateFlags>): Promise<Outcome> {
  const { replace, checksum, force } = call.options
  const { context, snapshot } = await chooseSnapshot(call)
  const { record, milliseconds, why, cleaned } = await createSnapshot(context, { snapshot, replace, checksum, force })
  const { name, mode, entries, bytes, kept, path } = record
  const stored = kept.stored === undefined ? '' : `, ${formatBytes(kept.stored)} on disk`
  return {
    result: { environment: context.name, snapshot: name, mode, why, path, entries, bytes, stored: kept.stored, milliseconds, cleaned },
    text: [
      call.paint.green(printable(`snapshot ${name} of ${context.name}`)),
      `  ${entriesText(entries)}, ${formatBytes(bytes)}${stored}; ${mode} in ${tookText(milliseconds)}${wholeText(call.host)}`,
      ...(why === undefined ? [] : [`  ${why}`]),
      ...(cleaned.length === 0 ? [] : [`  removed old snapshots: ${cleaned.join(', ')}`]),
    ].join('\n'),
  }
}
