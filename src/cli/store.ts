import type { Command } from 'commander'
import type { Cli } from './command.ts'
import { addPruneCommand } from './store/prune.ts'
import { addVerifyCommand } from './store/verify.ts'

/** `holdfast store …`: the whole store, whoever wrote into it. */
export function addStoreCommands(store: Command, cli: Cli): void {
  addPruneCommand(store, cli)
  addVerifyCommand(store, cli)
}
