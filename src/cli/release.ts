import type { Command } from 'commander'
import type { Cli } from './command.ts'
import type { VariantFlags } from './release/choose.ts'
import { addCreateCommand } from './release/create.ts'
import { addPinCommands, addPruneCommand, addReconcileCommand } from './release/keep.ts'
import { addLookingCommands } from './release/look.ts'
import { addPromoteCommand, addRollbackCommand } from './release/move.ts'

/** `holdfast release …`: libraries in channels. `flags` are the flags that this project's products have for their variants. */
export function addReleaseCommands(release: Command, cli: Cli, flags: VariantFlags): void {
  release.commandsGroup('Move the channels:')
  addCreateCommand(release, cli, flags)
  addPromoteCommand(release, cli, flags)
  addRollbackCommand(release, cli, flags)
  release.commandsGroup('Look and fetch:')
  addLookingCommands(release, cli, flags)
  release.commandsGroup('Care:')
  addReconcileCommand(release, cli, flags)
  addPruneCommand(release, cli, flags)
  addPinCommands(release, cli, flags)
}
