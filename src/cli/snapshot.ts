import type { Command } from 'commander'
import type { Cli } from './command.ts'
import { addCopyCommand } from './snapshot/copy.ts'
import { addCreateCommand } from './snapshot/create.ts'
import { addDiffCommand } from './snapshot/diff.ts'
import { addExportCommand } from './snapshot/export.ts'
import { addForgetCommand, addPinCommands, addTagCommand } from './snapshot/keep.ts'
import { addListCommands } from './snapshot/list.ts'
import { addLookingCommands } from './snapshot/look.ts'
import { addRestoreCommand } from './snapshot/restore.ts'
import { addStatsCommand } from './snapshot/stats.ts'
import { addVerifyCommand } from './snapshot/verify.ts'
import { addPruneCommand } from './store/prune.ts'

/** `holdfast snapshot …`: directory trees in the store. */
export function addSnapshotCommands(snapshot: Command, cli: Cli): void {
  snapshot.commandsGroup('Make, give back, carry:')
  addCreateCommand(snapshot, cli)
  addRestoreCommand(snapshot, cli)
  addCopyCommand(snapshot, cli)
  addExportCommand(snapshot, cli)
  snapshot.commandsGroup('Look:')
  addListCommands(snapshot, cli)
  addLookingCommands(snapshot, cli)
  addDiffCommand(snapshot, cli)
  addStatsCommand(snapshot, cli)
  snapshot.commandsGroup('Care:')
  addVerifyCommand(snapshot, cli)
  addForgetCommand(snapshot, cli)
  addPruneCommand(snapshot, cli)
  addTagCommand(snapshot, cli)
  addPinCommands(snapshot, cli)
}
