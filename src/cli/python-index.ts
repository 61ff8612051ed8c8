import type { Command } from 'commander'
import type { Cli } from './command.ts'
import { addArchiveCommand } from './python-index/archive.ts'
import { addCdnCommand } from './python-index/cdn.ts'
import { addCheckCommand } from './python-index/check.ts'
import { addEventCommand } from './python-index/event.ts'
import { addDiffCommand, addGenerationsCommand } from './python-index/history.ts'
import { addMarkCommand } from './python-index/mark.ts'
import { addMirrorCommand } from './python-index/mirror.ts'
import { addPromoteCommand } from './python-index/promote.ts'
import { addPublishCommand, addReconcileCommand } from './python-index/publish.ts'
import { addRollbackCommand } from './python-index/rollback.ts'
import { addServeCommand } from './python-index/serve.ts'
import { addStatusCommand } from './python-index/status.ts'
import { addUnyankCommand, addYankCommand } from './python-index/yank.ts'

/** `holdfast index …`: a Python package index in a bucket. */
export function addIndexCommands(index: Command, cli: Cli): void {
  index.commandsGroup('Publish:')
  addMirrorCommand(index, cli)
  addPublishCommand(index, cli)
  addReconcileCommand(index, cli)
  addEventCommand(index, cli)
  index.commandsGroup('Move:')
  addPromoteCommand(index, cli)
  addRollbackCommand(index, cli)
  addYankCommand(index, cli)
  addUnyankCommand(index, cli)
  addMarkCommand(index, cli)
  addArchiveCommand(index, cli)
  index.commandsGroup('Look:')
  addStatusCommand(index, cli)
  addGenerationsCommand(index, cli)
  addDiffCommand(index, cli)
  addCheckCommand(index, cli)
  index.commandsGroup('Serve:')
  addServeCommand(index, cli)
  addCdnCommand(index, cli)
}
