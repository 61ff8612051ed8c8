import type { Command } from 'commander'
import type { Cli } from './command.ts'
import { addCdnCommand } from './python-index/cdn.ts'
import { addCheckCommand } from './python-index/check.ts'
import { addEventCommand } from './python-index/event.ts'
import { addDiffCommand, addGenerationsCommand } from './python-index/history.ts'
import { addMirrorCommand } from './python-index/mirror.ts'
import { addPublishCommand, addReconcileCommand } from './python-index/publish.ts'
import { addServeCommand } from './python-index/serve.ts'
import { addStatusCommand } from './python-index/status.ts'

/** `holdfast index …`: a Python package index in a bucket. */
export function addIndexCommands(index: Command, cli: Cli): void {
  index.commandsGroup('Publish:')
  addMirrorCommand(index, cli)
  addPublishCommand(index, cli)
  addReconcileCommand(index, cli)
  addEventCommand(index, cli)
  index.commandsGroup('Look:')
  addStatusCommand(index, cli)
  addGenerationsCommand(index, cli)
  addDiffCommand(index, cli)
  addCheckCommand(index, cli)
  index.commandsGroup('Serve:')
  addServeCommand(index, cli)
  addCdnCommand(index, cli)
}
