import type { Command } from 'commander'
import type { Cli } from './command.ts'
import { addBenchCommand } from './env/bench.ts'
import { addCarryCommands } from './env/carry.ts'
import { stageConfigOption } from './env/choose.ts'
import { addCreateCommand } from './env/create.ts'
import { addDiffCommand } from './env/diff.ts'
import { addListCommands } from './env/list.ts'
import { addRemovalCommands } from './env/remove.ts'
import { addRestoreCommand } from './env/restore.ts'
import { addRunCommand } from './env/run.ts'
import { addStatusCommand } from './env/status.ts'
import { addVerifyCommand } from './env/verify.ts'

/** `holdfast env …`: live directories, given back clean. */
export function addEnvironmentCommands(env: Command, cli: Cli): void {
  env.addOption(stageConfigOption())
  env.commandsGroup('Keep and give back:')
  addCreateCommand(env, cli)
  addRestoreCommand(env, cli)
  addRunCommand(env, cli)
  addCarryCommands(env, cli)
  env.commandsGroup('Look:')
  addStatusCommand(env, cli)
  addListCommands(env, cli)
  addDiffCommand(env, cli)
  env.commandsGroup('Care:')
  addVerifyCommand(env, cli)
  addBenchCommand(env, cli)
  addRemovalCommands(env, cli)
}
