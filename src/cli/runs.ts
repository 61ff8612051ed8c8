import type { Command } from 'commander'
import type { Cli } from './command.ts'
import { addGenerateCommand } from './runs/generate.ts'
import { addInstallTimerCommand } from './runs/install-timer.ts'
import { addListCommand } from './runs/list.ts'
import { addStatusCommand } from './runs/status.ts'
import { addPullCommand, addSyncCommand } from './runs/sync.ts'
import { addVerifyCommand } from './runs/verify.ts'

/** `holdfast runs …`: experiment runs, listed on a server and synced to whoever watches them. */
export function addRunsCommands(runs: Command, cli: Cli): void {
  runs.commandsGroup('Where runs are watched:')
  addSyncCommand(runs, cli)
  addStatusCommand(runs, cli)
  addListCommand(runs, cli)
  addPullCommand(runs, cli)
  addVerifyCommand(runs, cli)
  runs.commandsGroup('Where runs are made:')
  addGenerateCommand(runs, cli)
  addInstallTimerCommand(runs, cli)
}
