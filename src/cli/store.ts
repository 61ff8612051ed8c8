import type { Command } from 'commander'
import type { Cli } from './command.ts'
import { addCopyCommand } from './store/copy.ts'
import { addPruneCommand } from './store/prune.ts'
import { addStatsCommand } from './store/stats.ts'
import { addVerifyCommand } from './store/verify.ts'

/** `holdfast store …`: the whole store, whoever wrote into it. */
export function addStoreCommands(store: Command, cli: Cli): void {
  addPruneCommand(store, cli)
  addVerifyCommand(store, cli)
  addStatsCommand(store, cli)
  addCopyCommand(store, cli)
}
