import type { Command } from 'commander'
import { type Verified, verifySnapshot } from '../../environments/index.ts'
import type { Cli } from '../command.ts'
import { printable } from '../width.ts'
import { chooseEnvironment, environmentArgument, type SnapshotFlag, snapshotOption } from './choose.ts'

export function addVerifyCommand(env: Command, cli: Cli): void {
  cli.add<SnapshotFlag>(env, {
    name: 'verify',
    summary: 'Read a whole snapshot and check that it is what it was',
    args: [environmentArgument],
    options: [snapshotOption()],
    examples: [['holdfast env verify', 'the clean state of the only environment']],
    run: async (call) => {
      const context = await chooseEnvironment(call, call.args[0])
      const { snapshot, outcome } = await verifySnapshot(context, call.options.snapshot)
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
