import type { Command } from 'commander'
import { type Verified, verifySnapshot } from '../../environments/index.ts'
import type { Cli } from '../command.ts'
import { printable } from '../width.ts'
import { chooseSnapshot, snapshotArguments, type SnapshotFlag, snapshotOptions } from './choose.ts'

export function addVerifyCommand(env: Command, cli: Cli): void {
  cli.add<SnapshotFlag>(env, {
    name: 'verify',
    summary: 'Read a whole snapshot and check that it is what it was',
    args: snapshotArguments,
    options: snapshotOptions(),
    examples: [['holdfast env verify', 'the clean state of the only environment']],
    run: async (call) => {
      const { context, snapshot: named } = await chooseSnapshot(call)
      const { snapshot, outcome } = await verifySnapshot(context, named)
      return {
        result: { environment: context.name, snapshot, outcome },
        text: printable(`${snapshot} of ${context.name}: ${outcomes[outcome]}`),
      }
    },
  })
}

const outcomes = {
  whole: 'every byte is what it was',
  first: 'every byte was read for the first time, and is known from now on',
  marker: 'it is a marker only and keeps no files: there is nothing to read',
} as const satisfies Record<Verified['outcome'], string>
