import type { Command } from 'commander'
import type { Config } from '../config/index.ts'
import type { Cli } from './command.ts'
import { addBuildCommand } from './images/build.ts'
import { addCleanCommand } from './images/clean.ts'
import { addCopyCommand } from './images/copy.ts'
import { addDaemonCommand } from './images/daemon.ts'
import { addDeleteCommand } from './images/delete.ts'
import { addDiffCommand } from './images/diff.ts'
import { addDownloadCommand } from './images/download.ts'
import { addGhListCommand } from './images/gh-list.ts'
import { addGitlabListCommand } from './images/gitlab-list.ts'
import { addIndexCommand } from './images/index-create.ts'
import { addInspectCommand } from './images/inspect.ts'
import { addPrepareCommand } from './images/prepare.ts'
import { addPushCommand } from './images/push.ts'
import { addRetagCommand } from './images/retag.ts'
import { addSyncCommand } from './images/sync.ts'
import { addTagsCommand } from './images/tags.ts'
import { addXrefCommand } from './images/xref.ts'

/** `holdfast images …`: container images, from the builds of a workflow to a registry, and between registries. */
export function addImagesCommands(images: Command, cli: Cli, config: Config | undefined): void {
  images.commandsGroup('From GitHub to the registry:')
  addBuildCommand(images, cli, config)
  addGhListCommand(images, cli)
  addGitlabListCommand(images, cli)
  addXrefCommand(images, cli)
  addSyncCommand(images, cli)
  addDaemonCommand(images, cli)
  addRetagCommand(images, cli)
  images.commandsGroup('Step by step:')
  addDownloadCommand(images, cli)
  addPrepareCommand(images, cli)
  addPushCommand(images, cli)
  addCleanCommand(images, cli)
  images.commandsGroup('Any images:')
  addCopyCommand(images, cli)
  addInspectCommand(images, cli)
  addTagsCommand(images, cli)
  addDiffCommand(images, cli)
  addDeleteCommand(images, cli)
  addIndexCommand(images, cli)
}
