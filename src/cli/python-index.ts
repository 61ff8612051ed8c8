import type { Command } from 'commander'
import type { Cli } from './command.ts'
import { addDiffCommand, addGenerationsCommand } from './python-index/history.ts'
import { addPublishCommand, addReconcileCommand } from './python-index/publish.ts'
import { addStatusCommand } from './python-index/status.ts'

/** `holdfast index …`: a Python package index in a bucket. */
export function addIndexCommands(index: Command, cli: Cli): void {
  index.commandsGroup('Publish:')
  addPublishCommand(index, cli)
  addReconcileCommand(index, cli)
  index.commandsGroup('Look:')
  addStatusCommand(index, cli)
  addGenerationsCommand(index, cli)
  addDiffCommand(index, cli)
}
