import type { Command } from 'commander'
import { Fault } from '../../kit/index.ts'
import { commandPath, type Globals, type Runnable } from '../command.ts'

/** They look after jobs themselves, or after the machine. */
const unfit = new Set(['jobs', 'systemd', 'completion', 'init'])

/** Throws `invalid` for a command that is nothing for a daemon: it goes on until it is stopped, or has somebody to ask. */
export function assertFitsJob(command: Command, { goesOn = false, asks = false }: Runnable): void {
  const name = commandPath(command)
  const { yes = false, dryRun = false, watch } = command.optsWithGlobals<Globals & { watch?: unknown }>()
  if (goesOn) throw new Fault('invalid', `${name} is no command that ends by itself`)
  if (unfit.has(name.split(' ')[0]!)) throw new Fault('invalid', `${name} is no work for a job`)
  if (watch !== undefined) throw new Fault('invalid', 'with --watch it never ends; `every` does the same')
  if (asks && !yes && !dryRun) throw new Fault('invalid', 'it asks before it goes on, and nobody is there to be asked: add --yes')
}
